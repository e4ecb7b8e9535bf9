"""Celery's signals, turned into records."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from celery import signals

from .errors import BadUseError
from .timeline import Record
from .turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

    from celery import Celery

    from .broker import Tap
    from .timeline import Timeline


class Watch:
    """Writes the timeline. `actor` and `entry` say who is acting right now."""

    def __init__(
        self,
        app: Celery,
        timeline: Timeline,
        now: Callable[[], datetime],
        refuse: Callable[[Exception], NoReturn] | None = None,
    ) -> None:
        self.app = app
        self.timeline = timeline
        self.now = now
        self.refuse = refuse
        self.turns = Turns(now)
        self.actor = "test"
        self.entry = ""
        self.tap: Tap | None = None

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
        for signal, receiver in receivers.items():
            signal.connect(receiver, weak=False)
            undo.callback(signal.disconnect, receiver)

    def add(self, kind: str, **fields: Any) -> None:
        """Record something that happens now."""
        self.timeline.add(Record(at=self.now(), kind=kind, **fields))

    def redelivered(self, message: Any) -> None:
        """A worker got a message for a second time."""
        headers = message.headers or {}
        self.add("redelivered", **_named(headers), worker=self.actor)

    def rejected(self, message: Any, requeue: bool) -> None:
        """A worker gave a message back or threw it away."""
        detail = "back to the queue" if requeue else "dropped"
        self.add("rejected", **_named(message.headers or {}), worker=self.actor, detail=detail)

    def limited(self, request: Any, seconds: float) -> None:
        """A rate limit holds a request back for about so many seconds."""
        when = self.now() + timedelta(seconds=seconds)
        self.add("rate-limited", **_named(request.request_dict), worker=self.actor, when=when)

    def _before_publish(self, headers: dict[str, Any], routing_key: str = "", **_kwargs: Any) -> None:
        if self.tap is not None and self.tap.before_publish():
            named = _named(headers)
            self.add("unsent", **named, by=self.actor, entry=self.entry, queue=routing_key, detail="fail_publish")

    def _published(self, headers: dict[str, Any], routing_key: str = "", **_kwargs: Any) -> None:
        self.add(
            "sent",
            **_named(headers),
            by=self.actor,
            entry=self.entry,
            queue=routing_key,
            args=_arguments(headers),
            when=instant(headers.get("eta")),
            expires=instant(headers.get("expires")),
        )

    def _received(self, request: Any, **_kwargs: Any) -> None:
        headers = request.request_dict
        named = _named(headers)
        self.add("received", **named, worker=self.actor, args=_arguments(headers))
        self.turns.came(named["id"], f"{named['task']}[{named['id']}]", headers.get("parent_id") or "")
        if request.eta:
            self.add("scheduled", **named, worker=self.actor, when=instant(request.eta))

    def _started(self, task: Any, task_id: str, **_kwargs: Any) -> None:
        if self._ours(task):
            self.add("started", **self._running(task), worker=self.actor)

    def _succeeded(self, sender: Any, result: Any, **_kwargs: Any) -> None:
        if self._ours(sender):
            detail = "" if result is None else f"= {result!r}"
            self.add("succeeded", **self._running(sender), worker=self.actor, detail=detail)

    def _failed(self, sender: Any, task_id: str, exception: BaseException, **_kwargs: Any) -> None:
        if self._ours(sender):
            fields = self._running(sender) | {"id": task_id}
            self.add("failed", **fields, worker=self.actor, detail=repr(exception))

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
                when=instant(when),
                detail=repr(reason.exc) if getattr(reason, "exc", None) else "",
            )

    def _revoked(self, sender: Any, request: Any, expired: bool, **_kwargs: Any) -> None:
        if self._ours(sender):
            self.add(
                "expired" if expired else "revoked",
                task=sender.name,
                id=request.id,
                attempt=(request.retries or 0) + 1,
                worker=self.actor,
                expires=instant(request.expires),
            )

    def _unknown(self, name: str, id: str, **_kwargs: Any) -> None:  # noqa: A002 - the signal's own name
        self.add("rejected", task=name, id=id, worker=self.actor, detail="unknown task")
        if self.refuse and name in self.app.tasks:
            # Raised in the test: Celery would only log it, here and in production.
            late = f"task {name!r} was defined after {self.actor} started; a worker learns its tasks when it starts"
            self.refuse(BadUseError(f"{late}: define or import the task before the cluster, or restart the worker"))

    def _ours(self, task: Any) -> bool:
        return getattr(task, "app", None) is self.app

    def _running(self, task: Any) -> dict[str, Any]:
        request = task.request
        return {"task": task.name, "id": request.id or "", "attempt": (request.retries or 0) + 1}


def instant(value: Any) -> datetime | None:
    """An ETA or expiry as headers carry it, as an aware datetime in UTC; None for text that is no instant."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            # Celery publishes any text as an ETA. The worker drops the message.
            return None
    if value is None:
        return None
    aware: datetime = value if value.tzinfo else value.replace(tzinfo=UTC)
    return aware.astimezone(UTC)


def _named(headers: dict[str, Any]) -> dict[str, Any]:
    return {
        "task": str(headers.get("task", "")),
        "id": str(headers.get("id", "")),
        "attempt": (headers.get("retries") or 0) + 1,
    }


def _arguments(headers: dict[str, Any]) -> str:
    args, kwargs = headers.get("argsrepr") or "", headers.get("kwargsrepr") or ""
    shown = [text for text in (args, kwargs) if text not in {"", "()", "[]", "{}"}]
    return " ".join(shown)
