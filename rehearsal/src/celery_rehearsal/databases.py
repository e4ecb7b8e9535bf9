"""Django's connections, which every process of a cluster shares, while each real process has its own.

What a killed task had open the database rolls back. While a task waits inside `transaction.atomic()`, nobody else can
use the connection: it would write into the task's transaction.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from .errors import NotSimulatedError, WorkerKilled
from .limits import reason

if TYPE_CHECKING:
    from collections.abc import Callable


def open_blocks() -> dict[str, int]:
    """How many `atomic()` blocks each connection of this thread is in."""
    return {connection.alias: len(connection.atomic_blocks) for connection in _connections()}


def roll_back(before: dict[str, int]) -> None:
    """Leave each block that was entered since, as the database does when a connection is lost."""
    for connection in _connections():
        while len(connection.atomic_blocks) > before.get(connection.alias, 0):
            connection.atomic_blocks[-1].__exit__(WorkerKilled, WorkerKilled(), None)


def is_broken_by_another(error: BaseException) -> bool:
    """Whether a query failed because an error had broken a block that is still open now: one of the test's."""
    module = sys.modules.get("django.db.transaction")
    if module is None or not isinstance(error, module.TransactionManagementError):
        return False
    return any(connection.in_atomic_block and connection.needs_rollback for connection in _connections())


class Held:
    """Refuses each query on a connection that the waiting task has a block open on."""

    def __init__(self, before: dict[str, int], who: str, refuse: Callable[[Exception], Any]) -> None:
        self._refuse = refuse
        self._who = who
        self._connections = [c for c in _connections() if len(c.atomic_blocks) > before.get(c.alias, 0)]

    def hold(self) -> None:
        """The task begins to wait."""
        for connection in self._connections:
            connection.execute_wrappers.append(self._query)

    def release(self) -> None:
        """The task goes on."""
        for connection in self._connections:
            connection.execute_wrappers.remove(self._query)

    def _query(self, _execute: Any, sql: str, *_args: Any) -> Any:
        self._refuse(
            NotSimulatedError(
                f"{self._who} waits inside transaction.atomic(), and another process of the cluster, or the test, "
                f"asks the database {sql[:80]!r}; {reason('own_connection')}. It would see and change what is not "
                "committed: wait outside of the transaction, or do not ask until it has ended"
            )
        )


def _connections() -> list[Any]:
    django, conf = sys.modules.get("django.db"), sys.modules.get("django.conf")
    if django is None or conf is None or not conf.settings.configured:
        return []
    return list(django.connections.all(initialized_only=True))
