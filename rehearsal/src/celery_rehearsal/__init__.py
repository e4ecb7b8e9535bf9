"""Celery under virtual time: the real beat, worker and transports, in one thread, under one frozen clock.

    with VirtualCelery(app, start=datetime(2026, 3, 29, 12, tzinfo=KYIV)) as celery:
        task.apply_async(countdown=3600)
        celery.advance(timedelta(hours=5))
        celery.assert_ran(task, times=1)
        print(celery.timeline)

What it does not simulate is the table `limits.NOT_SIMULATED`; each refusal and each warning names its row.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .atomic_sends import SentInside, sent_inside_atomic
    from .cluster import VirtualCelery
    from .errors import (
        BadUseError,
        MissingExtraError,
        NestedClusterError,
        NeverIdleError,
        NotSimulatedError,
        NotSimulatedWarning,
        RealWorldError,
        SchedulerImportError,
        SeamMovedError,
        TestkitError,
    )
    from .limits import NOT_SIMULATED
    from .machine import VirtualCeleryMachine
    from .pending import Pending
    from .record import Record
    from .timeline import Timeline

__all__ = [
    "NOT_SIMULATED",
    "BadUseError",
    "MissingExtraError",
    "NestedClusterError",
    "NeverIdleError",
    "NotSimulatedError",
    "NotSimulatedWarning",
    "Pending",
    "RealWorldError",
    "Record",
    "SchedulerImportError",
    "SeamMovedError",
    "SentInside",
    "TestkitError",
    "Timeline",
    "VirtualCelery",
    "VirtualCeleryMachine",
    "sent_inside_atomic",
]

# Loaded when first asked for: pytest imports this package to find the plugin, long before a project has set
# up Django or Celery, and only a state machine needs hypothesis.
_HOMES = {
    "NOT_SIMULATED": "limits",
    "Pending": "pending",
    "Record": "record",
    "SentInside": "atomic_sends",
    "Timeline": "timeline",
    "VirtualCelery": "cluster",
    "VirtualCeleryMachine": "machine",
    "sent_inside_atomic": "atomic_sends",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "VirtualCeleryMachine":
        from .extras import need

        need("hypothesis", name)
    home = importlib.import_module(f".{_HOMES.get(name, 'errors')}", __name__)
    return getattr(home, name)
