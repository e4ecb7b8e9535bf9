"""Celery's signals, turned into records."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn
from weakref import WeakKeyDictionary

from celery import signals

from . import causes
from .errors import BadUseError
from .leaving import refused
from .record import Record
from .turns import Turns
from .values import copied, copies, instant, later_ids, named, of_message, shown

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

    from celery import Celery

    from .broker import Publishing, Tap
    from .timeline import Timeline


class Watch:
    """Writes the timeline. `actor` and `entry` say who is acting right now."""

    def __init__(
        self,
        apps: list[Celery],
        timeline: Timeline,
        now: Callable[[], datetime],
        refuse: Callable[[Exception], NoReturn] | None = None,
    ) -> None:
        self.apps = apps
        self.timeline = timeline
        self.now = now
        self.refuse = refuse
        self.turns = Turns(now)
        self.actor = "test"
        self.entry = ""
        # Set by a cluster: where its messages arrive, and whether a worker consumes a queue there.
        self.publishing: Publishing | None = None
        self.consumes: Callable[[Tap, str], bool] = lambda _tap, _queue: True
        # Why Celery is about to throw a message away.
        self.reason = ""
        # The values of messages that workers have and do not run yet, by id.
        self._waiting: dict[str, dict[str, Any]] = {}
        # With which values each run began, by Celery's context of it: the task can change its own.
        self._values: WeakKeyDictionary[Any, dict[str, Any]] = WeakKeyDictionary()

    def connect(self, undo: ExitStack) -> None:
        """Listen until the stack is closed."""
        receivers: dict[Any, Any] = {
            signals.before_task_publish: self._before_publish,
            signals.after_task_publish: self._published,
            signals.task_received: self._received,
            signals.task_prerun: self._started,
            signals.task_success: self._succeeded,
            signals.task_failure: self._failed,
            signals.task_retry: self._retried,
            signals.task_revoked: self._revoked,
            signals.task_unknown: self._unknown,
        }
        for signal, records in receivers.items():
            receiver = refused(records, self.refuse) if self.refuse else records
            signal.connect(receiver, weak=False)
            undo.callback(signal.disconnect, receiver)

    def add(self, kind: str, **fields: Any) -> None:
        """Record something that happens now."""
        self.timeline.add(Record(at=self.now(), kind=kind, **fields))

    def redelivered(self, message: Any) -> None:
        """A worker got a message for a second time."""
        self._waiting.pop(str((message.headers or {}).get("id", "")), None)
        detail = causes.of_redelivery(self.timeline, message, self.now())
        self.add("redelivered", **named(message.headers or {}), worker=self.actor, detail=detail)

    def rejected(self, message: Any, requeue: bool) -> None:
        """A worker gave a message back or threw it away."""
        detail = self.reason or ("back to the queue" if requeue else "dropped")
        self.reason = ""
        self.add("rejected", **named(message.headers or {}), worker=self.actor, detail=detail)

    def limited(self, request: Any, seconds: float) -> None:
        """A rate limit holds a request back for about so many seconds."""
        when = self.now() + timedelta(seconds=seconds)
        self.add("rate-limited", **named(request.request_dict), worker=self.actor, when=when)

    def _before_publish(self, headers: dict[str, Any], routing_key: str = "", **_kwargs: Any) -> None:
        if self.publishing is not None and self.publishing.before_publish():
            told = named(headers)
            self.add("unsent", **told, by=self.actor, entry=self.entry, queue=routing_key, detail="fail_publish")

    def _published(
        self, headers: dict[str, Any], body: Any = None, exchange: Any = "", routing_key: str = "", **_kwargs: Any
    ) -> None:
        args, kwargs = self._sent(body)
        queues = self.publishing.queues if self.publishing else []
        self.add(
            "sent",
            **named(headers),
            by=self.actor,
            entry=self.entry,
            queue=queues[0] if len(queues) == 1 else routing_key,
            args=args,
            kwargs=kwargs,
            shown=shown(headers),
            when=instant(headers.get("eta")),
            expires=instant(headers.get("expires")),
        )
        self._arrived(headers, getattr(exchange, "name", exchange), routing_key)

    def _sent(self, body: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        message = self.publishing.message if self.publishing is not None else None
        try:
            args, kwargs, rest = of_message(message or {})
        except Exception:  # a serializer of the app's, which the worker will stumble over
            args, kwargs, rest = copied(body)
        self.timeline.announce(later_ids(rest))
        return args, kwargs

    def _arrived(self, headers: dict[str, Any], exchange: str, routing_key: str) -> None:
        arrival = self.publishing
        if arrival is None or arrival.tap is None:
            return
        fields = {**named(headers), "by": self.actor}
        if not arrival.queues and not arrival.fanout:
            why = f"lost: no queue is bound to exchange {exchange!r} for {routing_key!r}"
            if arrival.undeclared:
                why += "; nobody declared the exchange; on RabbitMQ the next publish raises NotFound"
            self.add("unroutable", **fields, detail=why)
        for queue in arrival.queues:
            if not self.consumes(arrival.tap, queue):
                self.add("unconsumed", **fields, queue=queue, detail="no consumer")

    def _received(self, request: Any, **_kwargs: Any) -> None:
        headers = request.request_dict
        told = named(headers)
        values = self._waiting[told["id"]] = copies(request.args, request.kwargs)
        self.add("received", **told, worker=self.actor, shown=shown(headers), **values)
        self.turns.came(told["id"], f"{told['task']}[{told['id']}]", headers.get("parent_id") or "")
        if request.eta:
            self.add("scheduled", **told, worker=self.actor, when=instant(request.eta))

    def _started(self, task: Any, task_id: str, args: Any, kwargs: Any, **_kwargs: Any) -> None:
        values = self._waiting.pop(task_id, None) or copies(args, kwargs)
        if self._ours(task):
            self._values[task.request] = values
            self.add("started", **self._running(task), worker=self.actor, shown=shown(vars(task.request)))

    def _succeeded(self, sender: Any, result: Any, **_kwargs: Any) -> None:
        if self._ours(sender):
            detail = "" if result is None else f"= {result!r}"
            self.add("succeeded", **self._running(sender), worker=self.actor, result=copied(result), detail=detail)

    def _failed(
        self, sender: Any, task_id: str, exception: BaseException, args: Any = (), kwargs: Any = None, **_kwargs: Any
    ) -> None:
        if self._ours(sender):
            # Without a child to run it, Celery fails it in the worker.
            fields = copies(args, kwargs) | self._running(sender) | {"id": task_id}
            exhausted = ", retries exhausted" if causes.is_exhausted(exception) else ""
            self.add("failed", **fields, worker=self.actor, detail=f"{causes.of_failure(exception)}{exhausted}")

    def _retried(self, sender: Any, request: Any, reason: Any, **_kwargs: Any) -> None:
        if self._ours(sender):
            when = getattr(reason, "when", None)
            if isinstance(when, int | float):
                when = self.now() + timedelta(seconds=when)
            self.add(
                "retried",
                task=sender.name,
                id=request.id,
                attempt=request.retries + 1,
                worker=self.actor,
                **self._values.get(request, {}),
                when=instant(when),
                detail=causes.of_failure(reason.exc) if getattr(reason, "exc", None) else "",
            )

    def _revoked(self, sender: Any, request: Any, expired: bool, **_kwargs: Any) -> None:
        late = self._late(request.id)
        if self._ours(sender):
            self.add(
                "expired" if expired else "revoked",
                task=sender.name,
                id=request.id,
                attempt=(request.retries or 0) + 1,
                worker=self.actor,
                expires=instant(request.expires),
                detail=late if expired else "",
            )

    def _late(self, id_: str) -> str:
        waited = self._waiting.pop(id_, None) is not None
        return f"expired while it waited in {self.actor}" if waited else "expired on receipt"

    def _unknown(self, sender: Any, name: str, **_kwargs: Any) -> None:
        if self.refuse and name in sender.app.tasks:
            # Raised in the test: Celery would only log it, here and in production.
            late = f"task {name!r} was defined after {self.actor} started; a worker learns its tasks when it starts"
            self.refuse(BadUseError(f"{late}: define or import the task before the cluster, or restart the worker"))

    def _ours(self, task: Any) -> bool:
        return any(getattr(task, "app", None) is app for app in self.apps)

    def _running(self, task: Any) -> dict[str, Any]:
        request = task.request
        values = self._values.get(request, {})
        return {"task": task.name, "id": request.id or "", "attempt": (request.retries or 0) + 1} | values
