"""What Celery's programs do to logging and to the process around them, and how all of it comes back."""

from __future__ import annotations

import io
import logging
import logging.config
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from celery.app.log import Logging
from celery_rehearsal import VirtualCelery

from .conftest import NOON
from .handlers import connected

if TYPE_CHECKING:
    from celery import Celery


class Collecting(logging.Handler):
    """Keeps the messages that it gets."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []
        self.closed = False

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())

    def close(self) -> None:
        self.closed = True
        super().close()


def logging_state() -> dict[str, Any]:
    """What is configured in every logger."""
    loggers = [logging.root, *(found for found in logging.root.manager.loggerDict.values())]
    return {
        logger.name: (list(logger.handlers), list(logger.filters), logger.level, logger.propagate, logger.disabled)
        for logger in loggers
        if isinstance(logger, logging.Logger)
    }


def unchanged(before: dict[str, Any]) -> bool:
    """Whether logging is as it was; a logger that is new has nothing configured but what its library gave it."""
    after = logging_state()
    return before == {name: after[name] for name in before}


def test_setup_logging_configures_as_in_production(app: Celery, caplog: pytest.LogCaptureFixture) -> None:
    """Its configuration is in force until the cluster ends. The handlers of the test stay in use, and open."""
    collecting = Collecting()
    own = logging.getLogger("shop.own")
    logging.getLogger("shop.disabled")

    def handler(**_arguments: Any) -> None:
        logging.config.dictConfig({"version": 1, "loggers": {"shop.own": {"level": "DEBUG"}}})
        logging.root.addHandler(collecting)

    before = logging_state()
    with connected("setup_logging", handler):
        with VirtualCelery(app, start=NOON, workers=2):
            own.debug("seen")
            assert logging.getLogger("shop.disabled").disabled
            assert logging.root.handlers.count(collecting) == 1
        assert collecting.messages.count("seen") == 1
        assert "seen" in caplog.text
        assert unchanged(before)
        assert collecting.closed
    own.warning("after")
    assert "after" in caplog.text
    assert "after" not in collecting.messages


def test_after_setup_logger_augments_celerys_logging(app: Celery, caplog: pytest.LogCaptureFixture) -> None:
    """The handler finds what Celery configures in a new process. What it adds works; Celery's console does not."""
    added, task_added = Collecting(), Collecting()
    found: list[Any] = []
    before = logging_state()

    def augment(logger: logging.Logger, loglevel: int, **_arguments: Any) -> None:
        found.append((logger.name, [type(each).__name__ for each in logger.handlers], loglevel))
        logger.addHandler(added)

    def augment_tasks(logger: logging.Logger, **_arguments: Any) -> None:
        found.append((logger.name, [type(each).__name__ for each in logger.handlers], logger.propagate))
        logger.addHandler(task_added)

    with connected("after_setup_logger", augment), connected("after_setup_task_logger", augment_tasks):
        with VirtualCelery(app, start=NOON, beats=0):
            logging.getLogger("shop").warning("one")
            logging.getLogger("celery.task").warning("two")
        assert found == [
            ("root", ["StreamHandler"], logging.WARNING),
            ("celery.task", ["NullHandler", "StreamHandler"], 0),
        ]
        assert added.messages == ["one", "two"]
        assert task_added.messages == ["two"]
        assert caplog.messages[-2:] == ["one", "two"]
        assert unchanged(before)


def test_the_process_stays_the_tests(app: Celery, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker prints nothing, redirects nothing, installs no handler of an OS signal, and configures no logging."""
    import signal

    out = io.StringIO()
    monkeypatch.setattr(sys, "__stdout__", out)
    monkeypatch.setattr(sys, "__stderr__", out)
    streams, loggers = (sys.stdout, sys.stderr), logging_state()
    handlers = [signal.getsignal(each) for each in signal.valid_signals()]
    with VirtualCelery(app, start=NOON) as celery:
        assert (sys.stdout, sys.stderr) == streams
        assert unchanged(loggers)
        app.tasks["note"].delay()
        celery.run_until_idle()
        celery.stop_worker()
        celery.stop_beat()
    assert [signal.getsignal(each) for each in signal.valid_signals()] == handlers
    assert out.getvalue() == ""
    assert not vars(Logging)["_setup"]


@pytest.mark.parametrize("worker", [pytest.param("real", marks=pytest.mark.processes), "virtual"])
def test_line_comes_once_where_the_app_configures_logging_twice(worker: str) -> None:
    """At import and in setup_logging: dictConfig takes away the handlers of the first time, in a real worker too."""
    finished = subprocess.run(
        [sys.executable, "-m", "kit.logging_program", worker],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    # From the two loggers that the app configures.
    assert finished.stderr.count("talked") == 2, finished.stderr


def test_handlers_of_an_import_come_back(app: Celery, caplog: pytest.LogCaptureFixture) -> None:
    """Those that dictConfig has named, and their names; the test's own handler, which has none, stays in use."""
    config: dict[str, Any] = {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"collecting": {"()": Collecting}},
        "loggers": {"celery.task": {"handlers": ["collecting"]}},
    }
    logger = logging.getLogger("celery.task")
    logging.config.dictConfig(config)
    (imported,) = [each for each in logger.handlers if isinstance(each, Collecting)]
    before = logging_state()
    try:
        with connected("setup_logging", lambda **_: logging.config.dictConfig(config)):
            with VirtualCelery(app, start=NOON, workers=2):
                logger.warning("inside")
                (configured,) = [each for each in logger.handlers if isinstance(each, Collecting)]
            assert configured.messages == ["inside"]
            assert imported.messages == []
            assert unchanged(before)
            assert vars(logging)["_handlers"]["collecting"] is imported
    finally:
        logger.removeHandler(imported)
    assert "inside" in caplog.text
