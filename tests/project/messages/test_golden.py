"""Messages of every release so far still do their work, and those of this release are kept for the next."""

import base64
import copy
import inspect
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from celery_rehearsal import VirtualCelery
from django.contrib.auth.models import User
from django.core import mail
from django.db import transaction
from pytest_django import Settings

from celery_app import app
from refunds import queries
from refunds.brakes.models import Undo, UndoneChunk
from refunds.domain import cutoff
from refunds.domain.refunds import RefundStatus
from refunds.domain.returns import Decision, Status
from refunds.gateways import Order, Settled
from refunds.gateways.wallet import Wallet
from refunds.models import Chunk, Refund, ReturnRequest, Sweep
from refunds.notices.models import Notice, NoticeStatus

from ...factories import MINUTE, NOON, make_processing, make_refund, make_requests
from . import record

RELEASES = {file.stem: json.loads(file.read_text("utf-8")) for file in sorted(record.FOLDER.glob("*.json"))}
KEPT = [
    pytest.param(datetime.fromisoformat(of["sent"]), message, id=f"{release} {name}")
    for release, of in RELEASES.items()
    for name, message in of["messages"].items()
]
CUSTOMER: dict[str, Any] = {"id": 1, "customer_email": "c@example.com"}


def _sweep(sent: datetime) -> Sweep:
    make_requests(id=1, received_at=sent)
    times = {"started_at": sent, "dispatched_at": sent, "expires_at": cutoff.upcoming(sent)}
    times["received_from"] = cutoff.latest(sent)
    return Sweep.objects.create(id=1, kind=Decision.APPROVE, key="k", up_to_id=1, **times)


def _chunk(sent: datetime) -> None:
    Chunk.objects.create(id=1, sweep=_sweep(sent), first_id=1, last_id=1, dispatched_at=sent)
    Sweep.objects.update(planned_at=sent)


def _paid(sent: datetime) -> None:
    settled = {"attempts": 1, "first_attempt_at": NOON, "settled_at": NOON, "receipt": "r-1"}
    make_refund(status=RefundStatus.SUCCEEDED, **settled, **CUSTOMER)
    Notice.objects.create(request_id=1, status=NoticeStatus.PENDING, due_at=NOON)


def _undo(sent: datetime) -> None:
    _chunk(sent)
    with transaction.atomic():
        ReturnRequest.objects.update(status=Status.APPROVED, decided_at=sent, own_refund=1, sweep=1)
        queries.insert_refunds(ReturnRequest.objects.all(), sent)
    Chunk.objects.update(done_at=sent, decided=1)
    undo = Undo.objects.create(sweep_id=1, pressed_at=sent, pressed_by=User.objects.create_user("boss"), reason="r")
    UndoneChunk.objects.create(chunk_id=1, undo=undo, first_id=1, last_id=1, sent_at=sent)


# What there is to be done, and what is true once when it is done.
WORK: dict[str, tuple[Callable[[datetime], object], str]] = {
    "refunds.decide_chunk": (_chunk, "request approved"),
    "refunds.decline_pending": (lambda _: make_requests(id=1), "request declined"),
    "refunds.look_up_refund": (lambda _: make_processing(**CUSTOMER), "refund succeeded"),
    "refunds.notify_customer": (_paid, "mail to c@example.com"),
    "refunds.pay_refund": (lambda _: make_refund(**CUSTOMER), "refund succeeded"),
    "refunds.pay_refunds": (lambda _: make_refund(**CUSTOMER), "refund succeeded"),
    "refunds.plan_sweep": (_sweep, "request approved"),
    "refunds.reconcile": (lambda _: make_refund(**CUSTOMER), "refund succeeded"),
    "refunds.send_digest": (lambda _: make_requests(id=1), "mail to admin@example.com"),
    "refunds.undo_chunk": (_undo, "request requested"),
}


def done() -> list[str]:
    """Return the states of request and refund, and to whom mails went."""
    requests, refunds = (model.objects.values_list("status", flat=True) for model in (ReturnRequest, Refund))
    mails = [f"mail to {address}" for letter in mail.outbox for address in letter.to]
    return [*(f"request {status}" for status in requests), *(f"refund {status}" for status in refunds), *mails]


def newer(message: dict[str, Any]) -> dict[str, Any]:
    """The message as a later release may send it: with more keywords and more headers."""
    args, kwargs, embed = _parts(message)
    body = [args, {**kwargs, "tenant": "eu", "trace": {"spans": [1, 2]}}, embed]
    changed = copy.deepcopy(message)
    changed["body"] = base64.b64encode(json.dumps(body).encode()).decode()
    changed["headers"] |= {"tenant": "eu", "traceparent": "00-1-2-01"}
    return changed


def _parts(message: dict[str, Any]) -> list[Any]:
    return list(json.loads(base64.b64decode(message["body"])))


class LooksUp(Wallet):
    """The wallet, to which a refund under way has succeeded in the end."""

    def look_up(self, order: Order, receipt: str) -> Settled:
        return Settled(receipt)


@pytest.fixture(autouse=True)
def _can_look_up(settings: Settings) -> None:
    """The gateway can do what each task wants of it."""
    settings.REFUNDS_GATEWAY = f"{__name__}.{LooksUp.__name__}"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("as_sent", [copy.deepcopy, newer], ids=["as it is", "with more"])
@pytest.mark.parametrize(("sent", "kept"), KEPT)
def test_message_of_an_earlier_release_does_its_work(
    sent: datetime, kept: dict[str, Any], as_sent: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    """A worker takes it from its queue in the broker's form, and does its work.

    Today's task takes the keywords by their names: one that is renamed would end up among the unknown.
    """
    message = as_sent(kept["message"])
    task = app.tasks[message["headers"]["task"]]
    args, kwargs, _ = _parts(kept["message"])
    assert inspect.signature(task.run).bind(*args, **kwargs).arguments == kwargs
    prepare, outcome = WORK[task.name]
    prepare(sent)
    assert outcome not in done()
    with VirtualCelery(app, start=sent, beats=0) as celery:
        celery.broker.put(kept["queue"], message)
        celery.advance(2 * MINUTE)  # longer than any of them waits, and shorter than any of them lasts
        assert [line for line in celery.timeline if line.kind in ("rejected", "failed")] == []
        celery.assert_idle()
    assert done().count(outcome) == 1


def missing(kept: dict[str, Any]) -> str:
    """What to do about tasks that have no message in the file of a release; empty where each has its own."""
    without = set(record.ours()) - {of["message"]["headers"]["task"] for of in kept["messages"].values()}
    if not without:
        return ""
    return (
        f"no message of {', '.join(sorted(without))} is kept in tests/project/messages/golden: raise the version in "
        f"pyproject.toml, and run {record.COMMAND}"
    )


def test_every_task_has_its_message() -> None:
    """A task that is added is added with the message that it will have to understand from then on.

    It takes keywords alone, and unknown ones under a name that says whose they are.
    """
    for task in record.ours().values():
        *kinds, newer = inspect.signature(task.run).parameters.values()
        assert {parameter.kind for parameter in kinds} <= {inspect.Parameter.KEYWORD_ONLY}
        assert (newer.name, newer.kind) == ("_newer", inspect.Parameter.VAR_KEYWORD)
    assert record.release() in RELEASES, f"no messages of release {record.release()} are kept: run {record.COMMAND}"
    assert not missing(RELEASES[record.release()])


def test_task_without_a_message_is_named_with_the_command() -> None:
    """The message names the task, and the command to run."""
    kept = copy.deepcopy(RELEASES[record.release()])
    kept["messages"] = {name: of for name, of in kept["messages"].items() if not name.startswith("refunds.reconcile ")}
    assert missing(kept) == (
        "no message of refunds.reconcile is kept in tests/project/messages/golden: raise the version in "
        "pyproject.toml, and run python -m tests.project.messages.record"
    )


def test_messages_of_a_release_are_never_written_again(capsys: pytest.CaptureFixture[str]) -> None:
    """The command leaves a file that is there as it is, and says what to do instead."""
    file = record.FOLDER / f"{record.release()}.json"
    before = file.read_bytes()
    assert record.main() == 1
    assert "raise the version in pyproject.toml" in capsys.readouterr().out
    assert file.read_bytes() == before


@pytest.mark.usefixtures("published")
def test_new_release_is_recorded_as_it_publishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every task's message in each way that it is sent; those of beat as its schedule sends them."""
    monkeypatch.setattr(record, "FOLDER", tmp_path / "golden")
    assert record.main() == 0
    made = json.loads((tmp_path / "golden" / f"{record.release()}.json").read_text("utf-8"))
    assert not missing(made)
    assert f"{len(made['messages'])} messages are in" in capsys.readouterr().out
    names = ("refunds.reconcile beat", "refunds.pay_refund countdown")
    beat, counted = (made["messages"][name]["message"]["headers"] for name in names)
    assert beat["expires"] is not None
    assert datetime.fromisoformat(counted["eta"]) - record.SENT == timedelta(seconds=record.COUNTDOWN)
