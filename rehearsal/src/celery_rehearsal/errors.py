"""What the kit raises: every error of its own is a `TestkitError`."""

from __future__ import annotations

from celery.exceptions import WorkerTerminate


class TestkitError(Exception):
    """Base of the kit's own errors."""

    # pytest collects classes by this prefix
    __test__ = False


class BadUseError(TestkitError, ValueError):
    """The kit was asked for something that cannot be: a naive datetime, a step backwards, a name unknown."""


class SchedulerImportError(BadUseError, ImportError):
    """The scheduler of beat cannot be imported; the message says which name, and who gave it."""


class MissingExtraError(TestkitError, ImportError):
    """What was asked for comes with an extra of the distribution that is not installed; the message names it."""


class NestedClusterError(TestkitError, RuntimeError):
    """A second cluster was started while one is running; one process has one clock."""


class NotSimulatedError(TestkitError, NotImplementedError):
    """The kit was asked for something that it does not simulate; the message says what and why."""


class NotSimulatedWarning(UserWarning):
    """The cluster does not do what the app or a real server would have done; the message says what and why."""


class NeverIdleError(TestkitError, RuntimeError):
    """`run_until_idle` reached its limit, or an instant has no end; the message names what keeps the cluster busy."""


class RealWorldError(TestkitError, RuntimeError):
    """Code under virtual time reached for the real world: a socket, a thread, a broker on a server."""


class SeamMovedError(TestkitError, RuntimeError):
    """This Celery or kombu is not one that the kit knows; the message says which internal seam moved."""


class WorkerKilled(WorkerTerminate):
    """Unwinds the task in which a worker dies: Celery lets a `WorkerTerminate` through everywhere."""


class Escape(WorkerTerminate):
    """Carries an error out of a task to the test, past every `except Exception` and every retry."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(f"{type(error).__name__} inside a task")
        self.error = error
