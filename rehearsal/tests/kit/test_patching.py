"""What a cluster changes is undone in the reverse order, and all of it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from celery_rehearsal.patching import Undo

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_callbacks_and_contexts_are_undone_in_the_reverse_order() -> None:
    """A stack that was taken over by another undoes nothing itself."""
    done: list[int] = []

    @contextmanager
    def context(number: int) -> Iterator[None]:
        yield
        done.append(number)

    with Undo() as undo:
        undo.callback(done.append, 1)
        undo.callback(done.append, 2)
        undo.enter_context(context(3))
        undo.callback(done.append, 4)
        undo.push(lambda *_exc: done.append(5))
        undo.callback(done.append, 6)
        rest = undo.pop_all()
    assert not done
    rest.callback(done.append, 7)
    rest.close()
    assert done == [7, 6, 5, 4, 3, 2, 1]


def test_an_error_leaves_nothing_undone() -> None:
    """It is raised when everything has been called."""
    done: list[int] = []
    undo = Undo()
    undo.callback(done.append, 1)
    undo.callback([].pop)
    undo.callback(done.append, 2)
    undo.callback({}.popitem)
    with pytest.raises(IndexError) as raised:
        undo.close()
    assert isinstance(raised.value.__context__, KeyError)
    assert done == [2, 1]


def test_a_callback_can_add_another() -> None:
    """Also the last one of all."""
    done: list[int] = []
    undo = Undo()
    undo.callback(lambda: undo.callback(done.append, 1))
    undo.close()
    assert done == [1]
