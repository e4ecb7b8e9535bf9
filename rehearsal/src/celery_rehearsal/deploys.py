"""A deploy, and bodies of tasks that a test replaces."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from .arguments import check_name, task_name
from .faults import Faults
from .running import mock_of
from .stage import replace_body

if TYPE_CHECKING:
    from contextlib import ExitStack

    from .workers import Worker


class Deploys(Faults):
    """Mixed into `VirtualCelery`."""

    _undo: ExitStack
    _bodies: dict[Any, Any]

    def deploy(self, *, fresh: bool = False) -> None:
        """Restart what runs, in the order of a deploy; time passes until the tasks that run have ended.

        The beats stop, with a last sync, so that nothing new is sent. All workers get SIGTERM at one instant. When the
        last has stopped, the workers start again, with their queues and the settings of the test at that instant, and
        then the beats, with their schedule files or `fresh` without. What is down stays down.

        Raises NeverIdleError where a task goes on for more than a day, BadUseError inside a task.
        """
        self._not_in_task("deploy")
        self._check_caller()
        beats, workers = list(self.beats), list(self.workers.values())
        for name in beats:
            self.stop_beat(name)
        self._act_together([(w.name, partial(self._stop_for_deploy, w, self._stopping(w)), w) for w in workers])
        for worker in workers:
            self.start_worker(worker.name)
        for name in beats:
            self.start_beat(name, fresh=fresh)

    def _stop_for_deploy(self, worker: Worker, stop: Any) -> None:
        stop()
        self.watch.add("worker stopped", worker=worker.name, detail="deploy")

    def mock(self, task: Any, **behaviour: Any) -> Any:
        """Replace the body of a task, given by its name or as the task itself, until the cluster ends.

        Returns a mock that takes the body's arguments, without `self`, and records the calls. `behaviour` is that of
        `unittest.mock`: `return_value` (None without it) and `side_effect`.

        Raises BadUseError for an unknown task.
        """
        self._check_caller()
        check_name(task_name(task), "task", {name for app in self.apps for name in app.tasks})
        found = next(app.tasks[task_name(task)] for app in self.apps if task_name(task) in app.tasks)
        body, mock = mock_of(found, self._bodies, **behaviour)
        replace_body(self._undo, found, body, mock, self)
        return mock
