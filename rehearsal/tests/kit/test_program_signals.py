"""A worker and a beat send the signals that the real programs send, in their order and with their arguments."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
from celery import signals
from celery.exceptions import WorkerShutdown
from celery.utils.nodenames import gethostname
from celery_rehearsal import VirtualCelery

from .conftest import NOON
from .program_signals import NAMES, OF_CHILDREN, TASK, make_app
from .test_fidelity import redis_url

if TYPE_CHECKING:
    from collections.abc import Iterator

Lines = list[list[Any]]

# Seconds until the test kills a real program that hangs.
PATIENCE = 90


@pytest.fixture(autouse=True)
def _no_handlers_stay() -> Iterator[None]:
    before = {name: list(getattr(signals, name).receivers or ()) for name in NAMES}
    yield
    for name, receivers in before.items():
        getattr(signals, name).receivers[:] = receivers


def listening(logging_too: bool) -> tuple[str, ...]:
    return tuple(name for name in NAMES if logging_too or name != "setup_logging")


def real(program: list[str], until: str, *, logging_too: bool) -> Lines:
    """What a real program tells until it is stopped by SIGTERM, after it has told `until`."""
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    environment["SETUP_LOGGING"] = "1" if logging_too else ""
    lines: Lines = []
    with redis_url() as url, ExitStack() as stack:
        process = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", "kit.program_signals", url, *program],
                cwd=Path(__file__).parents[1],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        alarm = threading.Timer(PATIENCE, process.kill)
        alarm.start()
        stack.callback(alarm.cancel)
        assert process.stdout is not None
        for text in process.stdout:
            if text.startswith('["'):
                lines.append(json.loads(text))
                if lines[-1][0] == "worker_ready":
                    make_app(url, lines.append, ()).tasks[TASK].delay()
                if lines[-1][0] == until:
                    process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        errors = process.stderr.read()
    assert process.returncode == 0, errors
    return lines


def virtual_worker(pool: Literal["prefork", "solo"], *, logging_too: bool) -> Lines:
    """What a worker of the kit tells until it is stopped."""
    lines: Lines = []
    app = make_app("redis://broker.invalid/0", lines.append, listening(logging_too))
    with VirtualCelery(app, start=NOON, transport="fakeredis", workers=["one"], beats=0, pool=pool) as celery:
        app.tasks[TASK].delay()
        celery.advance(seconds=1)
        celery.stop_worker()
    return as_json(lines)


def virtual_beat(*, logging_too: bool) -> Lines:
    """What a beat of the kit tells until it is stopped."""
    lines: Lines = []
    app = make_app("redis://broker.invalid/0", lines.append, listening(logging_too))
    with VirtualCelery(app, start=NOON, workers=0) as celery:
        celery.advance(seconds=1)
        celery.stop_beat()
    return as_json(lines)


def as_json(lines: Lines) -> Lines:
    found: Lines = json.loads(json.dumps(lines))
    return found


def compared(lines: Lines, *, children: bool) -> Lines:
    """The lines without what depends on real time: how many heartbeats there were."""
    found: Lines = []
    for line in lines:
        if (children or line[0] not in OF_CHILDREN) and found[-1:] != [line]:
            found.append(line)
    return found


@pytest.mark.processes
@pytest.mark.parametrize("logging_too", [True, False], ids=["setup_logging", "Celery's logging"])
@pytest.mark.parametrize("pool", ["solo", "prefork"])
def test_a_worker_sends_what_a_real_one_sends(pool: Literal["prefork", "solo"], logging_too: bool) -> None:
    """From the start to a task and to SIGTERM; the children of a pool aside, which a solo pool does not have."""
    told = real(["worker", "-n", "one@%h", f"--pool={pool}", "-c1"], until=TASK, logging_too=logging_too)
    assert len(told) > 8
    children = pool == "solo"
    ours = virtual_worker(pool, logging_too=logging_too)
    assert compared(ours, children=children) == compared(told, children=children)


@pytest.mark.processes
@pytest.mark.parametrize("logging_too", [True, False], ids=["setup_logging", "Celery's logging"])
def test_a_beat_sends_what_a_real_one_sends(tmp_path: Path, logging_too: bool) -> None:
    """From the start to SIGTERM."""
    program = ["beat", "--schedule", str(tmp_path / "schedule")]
    told = real(program, until="beat_init", logging_too=logging_too)
    assert told[-1][0] == "beat_init"
    assert compared(virtual_beat(logging_too=logging_too), children=True) == compared(told, children=True)


def kinds(lines: Lines) -> list[str]:
    return [line[0] for line in compared(lines, children=False) if line[0] != "heartbeat_sent"]


STARTS = [
    "import_modules",
    "celeryd_init",
    "worker_init",
    "after_setup_logger",
    "after_setup_task_logger",
    "celeryd_after_setup",
    "worker_ready",
]
BEAT_STARTS = ["import_modules", "after_setup_logger", "after_setup_task_logger", "beat_init"]


def test_each_start_of_a_program_sends_its_signals(transport: str) -> None:
    """A worker that starts again is another process; a second worker and a beat are processes too."""
    lines: Lines = []
    app = make_app("redis://broker.invalid/0", lines.append, listening(logging_too=False))
    with VirtualCelery(app, start=NOON, transport=transport, workers=2) as celery:
        assert kinds(lines)[: 2 * len(STARTS)] == 2 * STARTS
        assert kinds(lines)[2 * len(STARTS) :] == [
            "import_modules",
            "after_setup_logger",
            "after_setup_task_logger",
            "beat_init",
        ]
        lines.clear()
        celery.kill_worker("worker2")
        celery.start_worker("worker2")
        assert kinds(lines) == STARTS


def test_a_kill_and_the_end_of_the_cluster_send_no_signal(transport: str) -> None:
    """SIGKILL leaves a process no time for handlers, and the end of a test is no shutdown."""
    lines: Lines = []
    app = make_app("redis://broker.invalid/0", lines.append, listening(logging_too=False))
    with VirtualCelery(app, start=NOON, transport=transport, workers=2) as celery:
        lines.clear()
        celery.kill_worker("worker1")
        assert lines == []
    assert lines == []


def test_a_lost_broker_starts_no_program_again(transport: str) -> None:
    """The worker connects again; it works, forgets what it held, and sends nothing but heartbeats."""
    lines: Lines = []
    app = make_app("redis://broker.invalid/0", lines.append, listening(logging_too=False))
    with VirtualCelery(app, start=NOON, transport=transport) as celery:
        app.tasks[TASK].apply_async(countdown=60)
        celery.advance(seconds=1)
        lines.clear()
        celery.lose_broker()
        assert kinds(lines) == []
        celery.assert_idle()
        app.tasks[TASK].delay()
        celery.run_until_idle()
        celery.assert_ran(TASK, times=1)


def test_shutdown_by_code_is_no_sigterm() -> None:
    """A task that raises WorkerShutdown ends its worker without the signal that SIGTERM sends."""
    lines: Lines = []
    app = make_app("redis://broker.invalid/0", lines.append, listening(logging_too=False))

    @app.task(name="ends", shared=False)
    def ends() -> None:
        raise WorkerShutdown(0)

    with VirtualCelery(app, start=NOON, pool="solo") as celery:
        ends.delay()
        lines.clear()
        celery.advance(seconds=1)
        assert kinds(lines) == ["worker_shutdown"]


@pytest.mark.parametrize(
    ("name", "node"),
    [
        ("worker1", f"worker1@{gethostname()}"),
        ("w@far.example", "w@far.example"),
        ("%n@far.example", f"{gethostname().partition('.')[0]}@far.example"),
    ],
)
def test_the_request_names_the_node(transport: str, name: str, node: str) -> None:
    """`request.hostname` is what `celery worker -n` makes of the name, in each of two workers."""
    lines: Lines = []
    app = make_app("redis://broker.invalid/0", lines.append, ())
    with VirtualCelery(app, start=NOON, transport=transport, workers=[name, "other"]) as celery:
        for _ in range(4):
            app.tasks[TASK].delay()
        celery.run_until_idle()
        ran = [record.worker for record in celery.timeline.of("started")]
        nodes = {name: node, "other": f"other@{gethostname()}"}
        assert [line[1] for line in lines] == [nodes[worker] for worker in ran]
        assert set(ran) == {name, "other"}


def test_the_started_state_names_the_node(transport: str) -> None:
    """With `task_track_started` each of two workers stores its own node name."""
    app = make_app("redis://broker.invalid/0", print, ())
    app.conf.update(task_ignore_result=False, result_backend="redis://results.invalid/0")

    @app.task(name="look", bind=True, track_started=True, shared=False)
    def look(self: Any) -> Any:
        return self.backend.get_task_meta(self.request.id, cache=False)["result"]["hostname"]

    with VirtualCelery(app, start=NOON, transport=transport, workers=2) as celery:
        sent = [look.delay() for _ in range(4)]
        celery.run_until_idle()
        for result in sent:
            (record,) = celery.timeline.of("started", id=result.id)
            assert result.get(timeout=1) == f"{record.worker}@{gethostname()}"
        assert {record.worker for record in celery.timeline.of("started")} == {"worker1", "worker2"}
