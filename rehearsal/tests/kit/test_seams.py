"""A canary per internal seam: where Celery or kombu has moved, the kit refuses and says what."""

from __future__ import annotations

import gc
import sys
import time
from functools import partial
from importlib.metadata import version
from operator import is_not
from types import FunctionType
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from celery.beat import Scheduler
from celery.worker.consumer import Consumer
from celery_rehearsal import SeamMovedError, VirtualCelery, seams
from celery_rehearsal.clock import CLOCK_DEFAULTS
from celery_rehearsal.seam_list import SEAMS
from celery_rehearsal.seam_looks import Seam
from kombu.asynchronous import timer

from .conftest import NOON

if TYPE_CHECKING:
    from celery import Celery

# Functions with a clock as a default argument that the kit leaves alone, and why.
LEFT_ALONE = {
    ("kombu.asynchronous.hub", "Hub.create_loop"): "the hub's loop does not run",
}


@pytest.mark.parametrize("seam", SEAMS, ids=lambda seam: str(seam.name))
def test_each_seam_holds(seam: Seam) -> None:
    """The canary of each seam sings on this Celery and kombu."""
    assert seam.holds()


@pytest.mark.parametrize("seam", SEAMS, ids=lambda seam: str(seam.name))
def test_a_moved_seam_is_named(seam: Seam, monkeypatch: pytest.MonkeyPatch) -> None:
    """If any one seam moves, the refusal names that one and no other."""
    # The others' own looks are the test above's.
    looks = tuple(Seam(other.name, other.use, partial(is_not, other, seam)) for other in SEAMS)
    monkeypatch.setattr(seams, "SEAMS", looks)
    with pytest.raises(SeamMovedError) as caught:
        seams.check_seams()
    assert str(caught.value).endswith(f"moved: {seam.name} ({seam.use})")


@pytest.mark.parametrize(
    ("owner", "attribute", "name"),
    [
        (Consumer, "_limit_task", "Consumer rate limits"),
        (Scheduler, "apply_entry", "beat Scheduler"),
        (timer.Timer, "_enter", "kombu Timer"),
    ],
)
def test_a_cluster_refuses_to_start(
    app: Celery, monkeypatch: pytest.MonkeyPatch, owner: Any, attribute: str, name: str
) -> None:
    """An attribute that is gone stops the first cluster of a process, before anything is swapped."""
    monkeypatch.setattr(seams, "_checked", set())
    monkeypatch.delattr(owner, attribute)
    with pytest.raises(SeamMovedError, match=name):
        VirtualCelery(app, start=NOON)


# Per seam: what keeps its name, and a change of what it does.
CHANGED: dict[str, tuple[str, Any]] = {
    "settings": ("celery.app.utils.Settings.__getitem__", lambda conf, key: conf.maps[1][key]),
    "worker_init signal": ("celery.utils.dispatch.Signal.send", lambda *_args, **_kwargs: []),
    "loader": ("celery.loaders.base.BaseLoader.init_worker", lambda loader: loader.import_default_modules()),
    "LimitedSet": ("celery.utils.collections.LimitedSet.__contains__", lambda *_args: False),
    "kombu Timer": ("kombu.asynchronous.timer.Entry.cancel", lambda _entry: None),
    "kombu uuid": ("celery_rehearsal.worker_behaviour.kombu_uuid", lambda _make=uuid4: "id"),
    "app connections": ("celery.Celery.connection_for_read", lambda _app: "another"),
    "app queues": ("celery.app.amqp.Queues.consume_from", {}),
    "app backend": ("celery.Celery.backend", "another"),
    "remote control": ("celery.app.control.Control.revoke", lambda *_args: "another"),
    "control commands": ("kombu.pidbox.Node.handle", lambda *_args: None),
    "current app": ("celery._state.get_current_app", lambda: None),
    "autoretry": ("celery.app.autoretry.add_autoretry_behaviour", lambda *_args, **_kwargs: None),
    "host's zone": ("celery.schedules.BaseSchedule.tz", property(lambda entry: entry.app.timezone)),
    "solo pool": ("celery.concurrency.base.apply_target", lambda *_args, **_kwargs: None),
    "pool jobs": ("billiard.pool.ApplyResult._set", lambda *_args: None),
    "Celery stacks": ("celery.utils.threads.get_ident", lambda: 1),
    "exception tables": ("celery_rehearsal.sigkill.take_handlers", lambda *_given: 1 / 0),
}


@pytest.mark.parametrize(("seam", "changed"), CHANGED.items(), ids=CHANGED)
def test_a_seam_that_behaves_otherwise_is_named(
    monkeypatch: pytest.MonkeyPatch, seam: str, changed: tuple[str, Any]
) -> None:
    """A seam that keeps its names and does something else counts as moved."""
    monkeypatch.setattr(*changed)
    assert seam in {moved.name for moved in seams.moved_seams()}


@pytest.mark.parametrize(
    ("package", "release"),
    [
        ("celery", "5.8.0"),
        ("celery", "5.8.0rc1"),
        ("celery", "5.8.0.dev1"),
        ("celery", "5.7.0rc1"),
        ("celery", "5.6.0b2"),
        ("celery", "5.5.1"),
        ("celery", "5.5.2rc1"),
        ("kombu", "6.0"),
        ("kombu", "5.8.0a1"),
        ("time-machine", "4.0.0a1"),
    ],
)
def test_an_unsupported_release_is_refused(
    app: Celery, monkeypatch: pytest.MonkeyPatch, package: str, release: str
) -> None:
    """A release that the canaries never ran on, or a pre-release, is refused by its number, unless the test insists."""
    monkeypatch.setattr(seams, "_checked", set())
    releases = f"{seams.__name__}.version"
    monkeypatch.setattr(releases, lambda name: release if name == package else version(name))
    with pytest.raises(SeamMovedError, match=rf"{package} {release}.*any_version=True"):
        VirtualCelery(app, start=NOON)
    with VirtualCelery(app, start=NOON, any_version=True) as celery:
        celery.assert_idle()


@pytest.mark.parametrize("release", ["5.5.2", "5.5.2.post1", "5.6.3", "5.7.0", "5.7.12", "5.7.0+ours"])
def test_a_supported_release_is_taken(monkeypatch: pytest.MonkeyPatch, release: str) -> None:
    """From the first to the last, also one that is repackaged."""
    monkeypatch.setattr(seams, "version", lambda name: release if name == "celery" else version(name))
    assert seams.unsupported() == []


def test_no_other_function_has_bound_a_clock() -> None:
    """Every function of Celery and kombu with a clock as a default is swapped, or known and harmless."""
    # time-machine stops time() and localtime() wherever they are bound.
    clocks = {time.monotonic, time.perf_counter, time.sleep, time.ctime, time.asctime}
    found = {
        (function.__module__, function.__qualname__)
        for function in gc.get_objects()
        # Not isinstance, which asks a lazy object what it is: one of Django's would look it up in the database.
        if type(function) is FunctionType and _of_celery(function.__module__)
        for default in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
        if any(default is clock for clock in clocks)
    }
    assert "celery.worker.consumer" in sys.modules
    assert found - set(LEFT_ALONE) <= set(CLOCK_DEFAULTS)


def _of_celery(module: str | None) -> bool:
    return (module or "").split(".")[0] in {"celery", "kombu", "vine", "django_celery_beat"}
