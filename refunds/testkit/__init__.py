"""Celery under virtual time: the real beat, worker and transports, one thread, one frozen clock."""

from .cluster import VirtualCelery
from .errors import (
    BadUseError,
    NestedClusterError,
    NeverIdleError,
    NotSimulatedError,
    RealWorldError,
    SeamMovedError,
    TestkitError,
)
from .pending import Pending
from .timeline import Record, Timeline

__all__ = [
    "BadUseError",
    "NestedClusterError",
    "NeverIdleError",
    "NotSimulatedError",
    "Pending",
    "RealWorldError",
    "Record",
    "SeamMovedError",
    "TestkitError",
    "Timeline",
    "VirtualCelery",
]
