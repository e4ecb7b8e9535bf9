"""Who is in a cluster: the names of its workers and beats."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .errors import BadUseError


def worker_queues(workers: int | Iterable[str] | Mapping[str, Iterable[str]], every: list[str]) -> dict[str, list[str]]:
    """Queues by worker name; a worker given without queues consumes every one of the app's."""
    if isinstance(workers, Mapping):
        return {name: list(queues) for name, queues in workers.items()}
    return {name: list(every) for name in _names("worker", workers)}


def beat_names(beats: int | Iterable[str]) -> list[str]:
    """beat1, beat2, ... for a number; the names as they are otherwise."""
    return _names("beat", beats)


def _names(kind: str, wanted: int | Iterable[str]) -> list[str]:
    if isinstance(wanted, str) or not isinstance(wanted, int | Iterable):
        raise BadUseError(f"{kind}s={wanted!r}: a number or a list of names")
    names = [f"{kind}{n}" for n in range(1, wanted + 1)] if isinstance(wanted, int) else list(wanted)
    if isinstance(wanted, int) and wanted < 0:
        raise BadUseError(f"{kind}s={wanted}: not less than none")
    if len(set(names)) != len(names):
        raise BadUseError(f"{kind}s={names}: each name once")
    return names
