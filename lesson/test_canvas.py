"""Next steps, and designing work-flows: signatures, partials, groups, chains, chords and links, on a real worker."""

import json
from typing import Any

from celery import chain, chord, group

from lesson.app import add, app, mul, xsum
from lesson.worker import WAIT, Lane


def test_signature(worker: Lane) -> None:
    """A signature is a call to be made later, in this process or by a worker."""
    signature = add.signature((2, 2))

    assert signature.delay().get(**WAIT) == 4
    assert add.s(2, 2)() == 4


def test_partial(worker: Lane) -> None:
    """`add.s(2)` lacks an argument, which the call brings: `add(8, 2)`."""
    incomplete = add.s(2)

    assert incomplete.delay(8).get(**WAIT) == 10


def test_signature_survives_json(worker: Lane) -> None:
    """A signature is data: it goes into a message as JSON and comes out as it was."""
    received = app.signature(json.loads(json.dumps(add.s(2))))

    assert received.delay(8).get(**WAIT) == 10


def test_group(worker: Lane) -> None:
    """A group runs its tasks side by side and gives their results in order."""
    assert group(add.s(i, i) for i in range(10))().get(**WAIT) == [0, 2, 4, 6, 8, 10, 12, 14, 16, 18]


def test_partial_group(worker: Lane) -> None:
    """A group of partials gives each the same last argument."""
    assert group(add.s(i) for i in range(10))(10).get(**WAIT) == [10, 11, 12, 13, 14, 15, 16, 17, 18, 19]


def test_chain(worker: Lane) -> None:
    """`(4 + 4) * 8`: each result is the first argument of the next."""
    assert chain(add.s(4, 4) | mul.s(8))().get(**WAIT) == 64


def test_chord(worker: Lane) -> None:
    """A chord calls back with all results of a group, once."""
    assert chord((add.s(i, i) for i in range(10)), xsum.s())().get(**WAIT) == 90


def test_link(worker: Lane) -> None:
    """`(2 + 2) + 16`: the linked task gets the result as its first argument."""
    result = add.apply_async((2, 2), link=add.s(16))

    assert result.get(**WAIT) == 4
    children: Any = result.children
    assert [child.get(**WAIT) for child in children] == [20]


def test_immutable_link(worker: Lane) -> None:
    """`add.si(2, 2)` takes no result of what it follows."""
    assert chain(add.s(4, 4) | add.si(2, 2))().get(**WAIT) == 4
