"""How an error that is meant for the test leaves a cluster: past the member, or the thread, in whose code it arises."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, NoReturn

from .errors import Escape, TestkitError
from .leaving import is_verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from .watch import Watch


class Escapes:
    """Mixed into `VirtualCelery`. `_leaving` is what is on its way to the test."""

    watch: Watch
    _leaving: BaseException | None = None
    _thread: int
    _is_ours: Callable[[], bool]

    def leave(self, error: BaseException) -> None:
        """Raise an Escape if code that a member runs has raised an exception that is meant for the test."""
        if self._in_member() and is_verdict(error):
            self._leaving = error
            raise Escape(error) from error

    def leave_signal(self, error: BaseException) -> None:
        """As `leave`, in a handler of a signal, whose errors Celery swallows in the test's own calls too."""
        self.leave(error)
        if is_verdict(error) or isinstance(error, TestkitError):
            raise Escape(error) from error

    def _in_member(self) -> bool:
        """Whether a worker, a beat, or a thread that one of them started is acting, and not the test."""
        if threading.get_ident() == self._thread:
            return self.watch.actor != "test"
        return self._is_ours()

    def _refuse(self, error: Exception) -> NoReturn:
        in_thread = threading.get_ident() != self._thread
        if in_thread or self._in_member():
            # What runs in between takes the error for its own, and may catch an Escape too. The step asks for this.
            # The first: what cleans up after it is often refused as well.
            self._leaving = self._leaving or error
        raise error if in_thread or not self._in_member() else Escape(error)

    def _raise_what_left(self) -> None:
        """Raise what is on its way to the test, which a thread can leave behind between two steps."""
        error, self._leaving = self._leaving, None
        if error is not None:
            raise error
