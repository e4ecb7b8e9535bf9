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
from django.core import mail
from pytest_django import Settings

from celery_app import app
from refunds.domain import cutoff
from refunds.domain.refunds import RefundStatus
from refunds.domain.returns import Decision, Status
from refunds.gateways import Order, Settled
from refunds.gateways.wallet import Wallet
from refunds.models import Chunk, Refund, ReturnRequest, Sweep
from refunds.notices.models import Notice, NoticeStatus

from ...factories import NOON, make_requests
from . import record

FILES = sorted(record.FOLDER.glob("*.json"))
RELEASES: dict[str, Any] = {file.stem: json.loads(file.read_text("utf-8")) for file in FILES}
KEPT = [
    pytest.param(datetime.fromisoformat(of["sent"]), message, id=f"{release} {name}")
    for release, of in RELEASES.items()
    for name, message in of["messages"].items()
]
# Longer than any of them waits, and shorter than any of them lasts.
WHILE = timedelta(minutes=2)


def _pending(sent: datetime) -> None:
    make_requests(id=1, received_at=NOON)


def _sweep(sent: datetime) -> Sweep:
    make_requests(id=1, received_at=sent)
    times = {"started_at": sent, "dispatched_at": sent, "expires_at": cutoff.upcoming(sent)}
    times["received_from"] = cutoff.latest(sent)
    return Sweep.objects.create(id=1, kind=Decision.APPROVE, key="k", up_to_id=1, **times)


def _chunk(sent: datetime) -> None:
    Chunk.objects.create(id=1, sweep=_sweep(sent), first_id=1, last_id=1, dispatched_at=sent)
    Sweep.objects.update(planned_at=sent)


def _refund(sent: datetime) -> None:
    make_requests(id=1, status=Status.APPROVED, customer_email="c@example.com")


def _under_way(sent: datetime) -> None:
    _refund(sent)
    accepted = {"attempts": 1, "first_attempt_at": NOON, "accepted_at": NOON, "receipt": "r-1"}
    Refund.objects.update(status=RefundStatus.PROCESSING, **accepted)


def _paid(sent: datetime) -> None:
    _refund(sent)
    settled = {"attempts": 1, "first_attempt_at": NOON, "settled_at": NOON, "receipt": "r-1"}
    Refund.objects.update(status=RefundStatus.SUCCEEDED, **settled)
    Notice.objects.create(refund_id=1, status=NoticeStatus.PENDING, due_at=NOON)


def _is_declined() -> bool:
    return ReturnRequest.objects.get().status == Status.DECLINED


def _is_approved() -> bool:
    return ReturnRequest.objects.get().status == Status.APPROVED


def _is_paid() -> bool:
    return Refund.objects.get().status == RefundStatus.SUCCEEDED


def _is_told() -> bool:
    return [letter.to for letter in mail.outbox] == [["c@example.com"]]


def _is_digested() -> bool:
    return [letter.to for letter in mail.outbox] == [["admin@example.com"]]


# What there is to be done, and whether it is done.
WORK: dict[str, tuple[Callable[[datetime], object], Callable[[], bool]]] = {
    "refunds.decide_chunk": (_chunk, _is_approved),
    "refunds.decline_pending": (_pending, _is_declined),
    "refunds.look_up_refund": (_under_way, _is_paid),
    "refunds.notify_customer": (_paid, _is_told),
    "refunds.pay_refund": (_refund, _is_paid),
    "refunds.pay_refunds": (_refund, _is_paid),
    "refunds.plan_sweep": (_sweep, _is_approved),
    "refunds.reconcile": (_refund, _is_paid),
    "refunds.send_digest": (_pending, _is_digested),
}


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
    """A worker takes it from its queue in the broker's form, and does its work."""
    message = as_sent(kept["message"])
    prepare, is_done = WORK[message["headers"]["task"]]
    prepare(sent)
    assert not is_done()
    with VirtualCelery(app, start=sent, beats=0) as celery:
        celery.broker.put(kept["queue"], message)
        celery.advance(WHILE)
        assert [line for line in celery.timeline if line.kind in ("rejected", "failed")] == []
        celery.assert_idle()
    assert is_done()


@pytest.mark.parametrize(("sent", "kept"), KEPT)
def test_keywords_of_a_release_are_those_of_today(sent: datetime, kept: dict[str, Any]) -> None:
    """Today's task takes the keywords by their names: one that is renamed would end up among the unknown."""
    task = app.tasks[kept["message"]["headers"]["task"]]
    args, kwargs, _ = _parts(kept["message"])
    bound = inspect.signature(task.run).bind(*args, **kwargs)
    assert bound.arguments == kwargs


@pytest.mark.parametrize("name", record.ours())
def test_a_newer_releases_keywords_are_ignored(name: str) -> None:
    """A task takes keywords that it does not know, under a name that says whose they are."""
    kinds = {p.name: p.kind for p in inspect.signature(app.tasks[name].run).parameters.values()}
    assert kinds["_newer"] is inspect.Parameter.VAR_KEYWORD
    assert set(kinds.values()) <= {inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD}


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
    """A task that is added is added with the message that it will have to understand from then on."""
    assert release_file().exists(), f"no messages of release {record.release()} are kept: run {record.COMMAND}"
    assert not missing(RELEASES[record.release()])


def test_a_task_without_a_message_is_named_with_the_command() -> None:
    """The message names the task, and the command to run."""
    kept = copy.deepcopy(RELEASES[record.release()])
    kept["messages"] = {name: of for name, of in kept["messages"].items() if not name.startswith("refunds.reconcile ")}
    assert missing(kept) == (
        "no message of refunds.reconcile is kept in tests/project/messages/golden: raise the version in "
        "pyproject.toml, and run python -m tests.project.messages.record"
    )


def release_file() -> Path:
    return record.FOLDER / f"{record.release()}.json"


def test_the_messages_of_a_release_are_never_written_again(capsys: pytest.CaptureFixture[str]) -> None:
    """The command leaves a file that is there as it is, and says what to do instead."""
    before = release_file().read_bytes()
    assert record.main() == 1
    assert "raise the version in pyproject.toml" in capsys.readouterr().out
    assert release_file().read_bytes() == before


@pytest.mark.usefixtures("published")
def test_a_new_release_is_recorded_as_it_publishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every task's message in each way that it is sent; those of beat as its schedule sends them."""
    monkeypatch.setattr(record, "FOLDER", tmp_path / "golden")
    assert record.main() == 0
    made = json.loads((tmp_path / "golden" / f"{record.release()}.json").read_text("utf-8"))
    assert not missing(made)
    assert f"{len(made['messages'])} messages are in" in capsys.readouterr().out
    beat = made["messages"]["refunds.reconcile beat"]["message"]["headers"]
    assert beat["expires"] is not None
    counted = made["messages"]["refunds.pay_refund countdown"]["message"]["headers"]
    assert datetime.fromisoformat(counted["eta"]) - record.SENT == timedelta(seconds=record.COUNTDOWN)
