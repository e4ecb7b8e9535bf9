"""Each setting of Celery is honoured, harmless, refused, or warned about."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import pytest
from celery.app.defaults import NAMESPACES, flatten
from celery_rehearsal import NotSimulatedWarning, VirtualCelery
from celery_rehearsal.settings_table import HARMLESS, HONOURED, WARNED

from .conftest import NOON

if TYPE_CHECKING:
    from celery import Celery

KINDS = ("beat_", "broker_", "task_", "worker_")

# A value that is not Celery's default, by the default's type.
OTHERS = {bool: True, str: "another", float: 7.0, type(None): "something"}


def test_each_setting_is_decided_once() -> None:
    """None of this Celery's is forgotten, and none is in two tables."""
    known = {name for name in dict(flatten(NAMESPACES)) if name.startswith(KINDS)}
    decided = list(WARNED) + list(HARMLESS) + list(HONOURED)
    assert known <= set(decided)
    assert len(decided) == len(set(decided))


@pytest.mark.parametrize("name", sorted(WARNED))
def test_a_setting_that_is_not_followed_warns_once(app: Celery, name: str) -> None:
    """By its name, with the reason; a Celery that does not know it is silent."""
    options = dict(flatten(NAMESPACES))
    other = (
        "spawn" if name == "worker_pool_start_method" else OTHERS[type(options[name].default)] if name in options else 1
    )
    app.conf[name] = other
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with VirtualCelery(app, start=NOON) as celery:
            app.tasks["note"].delay()
            celery.run_until_idle()
    told = [str(warning.message) for warning in caught if warning.category is NotSimulatedWarning]
    assert [message.partition(" ")[0] for message in told] == ([name] if name in options else [])
    assert all(WARNED[name] in message for message in told)
    assert {warning.filename for warning in caught if warning.category is NotSimulatedWarning} <= {__file__}


def test_celerys_defaults_warn_of_nothing(app: Celery) -> None:
    """Warnings are errors in these tests."""
    with VirtualCelery(app, start=NOON) as celery:
        celery.assert_idle()


def test_a_solo_workers_message_with_a_limit_warns_once(app: Celery) -> None:
    """It is not known before it comes."""
    told = pytest.warns(NotSimulatedWarning, match="a message has a time limit")
    with told as warned, VirtualCelery(app, start=NOON, pool="solo") as celery:
        for _ in range(2):
            app.tasks["nap"].apply_async((60,), time_limit=5)
        celery.run_until_idle()
        assert len(celery.timeline.of("succeeded", "nap")) == 2
    assert len(warned) == 1
