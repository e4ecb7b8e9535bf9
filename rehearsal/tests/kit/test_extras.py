"""Without an extra the kit does the rest: memory runs, and what is missing is refused by the extra's name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import celery_rehearsal
import pytest
from celery import Celery
from celery_rehearsal import MissingExtraError, VirtualCelery, extras

from .conftest import NOON

if TYPE_CHECKING:
    from collections.abc import Iterable

SOURCE = Path(celery_rehearsal.__file__).parents[1]

# None in sys.modules is a module that is not installed, for an import and for a look at its spec.
WITHOUT = """
import sys
for name in {names!r}:
    sys.modules[name] = None
sys.path.insert(0, {source!r})
"""

AN_AFTERNOON = """
from datetime import datetime, timedelta, timezone
from celery import Celery
from celery.schedules import crontab
from celery_rehearsal import VirtualCelery

app = Celery("shop", broker="amqp://broker.invalid//", backend="cache+memcached://results.invalid/")
app.conf.beat_schedule = {"close": {"task": "close", "schedule": crontab(hour=18, minute=0)}}

@app.task(name="close", bind=True)
def close(self):
    if self.request.retries < 2:
        raise self.retry(countdown=60)
    return "closed"

with VirtualCelery(app, start=datetime(2026, 3, 29, 12, tzinfo=timezone.utc)) as celery:
    celery.advance(timedelta(hours=8))
    celery.assert_ran("close", times=3)
    assert close.delay().get(timeout=600) == "closed"
"""

# What each extra brings, and pytest, which no extra does.
OPTIONAL = [*extras.EXTRAS["redis"], *extras.EXTRAS["hypothesis"], "pytest"]


def run_without(names: Iterable[str], program: str) -> str:
    """What a program prints in a Python that lacks some modules. Fails the test where the program fails."""
    code = WITHOUT.format(names=list(names), source=str(SOURCE)) + program
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_cluster_on_memory_needs_no_extra() -> None:
    """Beat, retries and results run where neither extra nor pytest is installed."""
    run_without(OPTIONAL, AN_AFTERNOON)


@pytest.mark.parametrize("module", extras.EXTRAS["redis"])
def test_each_module_of_an_extra_is_asked_for(module: str) -> None:
    """Where one is missing, memory runs, and that one is found to be missing."""
    asks = "\nfrom celery_rehearsal import extras\nprint(*extras.missing('redis'))"
    assert module in run_without([module], AN_AFTERNOON + asks).split()


@pytest.fixture
def _nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda _name: None)


@pytest.mark.usefixtures("_nothing_installed")
@pytest.mark.parametrize(
    ("urls", "options", "asked"),
    [
        ({"broker": "redis://broker.invalid/0"}, {}, "an app whose broker is Redis"),
        ({"broker": "sentinel://broker.invalid/0"}, {}, "an app whose broker is Redis"),
        ({"broker": "amqp://broker.invalid//"}, {"transport": "fakeredis"}, 'transport="fakeredis"'),
        ({"broker": "memory://", "backend": "redis://:secret@results.invalid/0"}, {}, "redis://:**@results.invalid"),
        ({"broker": "memory://", "backend": "redis://results.invalid/0"}, {"allow_sockets": True}, "redis://results"),
        ({"broker": "memory://"}, {"result_backend": "rediss://results.invalid/0"}, "rediss://results.invalid"),
    ],
)
def test_redis_without_its_extra_is_refused_by_name(urls: dict[str, Any], options: dict[str, Any], asked: str) -> None:
    """A broker, a transport and a result backend on Redis; the message says which extra to install."""
    app = Celery("shop", **urls, set_as_current=False, fixups=[])
    with pytest.raises(MissingExtraError) as caught:
        VirtualCelery(app, start=NOON, **options).__enter__()
    assert asked in str(caught.value)
    assert "its extra 'redis'" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.usefixtures("_nothing_installed")
def test_the_state_machine_without_hypothesis_is_refused_by_name() -> None:
    """It is an ImportError too, as every import of what is not installed."""
    with pytest.raises(ImportError, match=r"VirtualCeleryMachine needs hypothesis: .* its extra 'hypothesis'"):
        from celery_rehearsal import VirtualCeleryMachine  # noqa: F401  # the import is the test


def test_a_result_backend_of_ones_own_on_redis_is_refused_by_name() -> None:
    """Its module cannot be imported, and the refusal says why."""
    program = """
import types
own = types.ModuleType("own")
sys.modules["own"] = own
source = "from celery.backends.redis import RedisBackend\\nclass Own(RedisBackend): pass"
from datetime import datetime, timezone
from celery import Celery
from celery_rehearsal import MissingExtraError, VirtualCelery
import pathlib, tempfile
with tempfile.TemporaryDirectory() as folder:
    pathlib.Path(folder, "ours.py").write_text(source)
    sys.path.insert(0, folder)
    app = Celery("shop", broker="memory://", backend="ours:Own")
    try:
        VirtualCelery(app, start=datetime(2026, 3, 29, 12, tzinfo=timezone.utc)).__enter__()
    except MissingExtraError as error:
        print(error)
"""
    assert "the result backend ours:Own needs redis" in run_without(["redis"], program)
