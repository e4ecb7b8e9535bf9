"""Fixture applications: each file in `apps/` is one, with the faults that its docstring names."""

from __future__ import annotations

import importlib.util
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import pytest
from celery import _state
from celery.app import builtins
from celery_rehearsal.patching import Undo
from celery_rehearsal.preflight import rules
from celery_rehearsal.preflight.handlers import leave_out
from celery_rehearsal.preflight.loaded import LoadedApp
from celery_rehearsal.preflight.suppressions import read_configuration
from celery_rehearsal.stage import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# The firings of fixture applications are looked at from here on.
YEAR = datetime(2026, 1, 1, tzinfo=timezone.utc)
APPS = Path(__file__).parent / "apps"
assert rules.__all__  # registered
# An application has tests of its own, and its folder would come before others.
collect_ignore = ["apps"]


@pytest.fixture(autouse=True)
def _a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hide the application around the kit: its shared tasks, its handlers of signals, and that it is current."""
    state: Any = _state
    finalizers = {each for each in state._on_app_finalizers if each.__module__ == builtins.__name__}
    monkeypatch.setattr(state, "_on_app_finalizers", finalizers)
    # A shared task registers itself with each app that is alive.
    monkeypatch.setattr(state, "_apps", WeakSet())
    monkeypatch.setattr(state, "default_app", None)
    monkeypatch.setattr(state._tls, "current_app", None)
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    with Undo() as undo:
        leave_out(undo)
        yield


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., LoadedApp]:
    """Load an application from its source, as the only file of a folder, with the table of a pyproject.toml."""
    made: list[str] = []

    def open_(source: str, configuration: str = "") -> LoadedApp:
        name = f"preflight_app_{len(made)}"
        folder = tmp_path / name
        folder.mkdir()
        (folder / f"{name}.py").write_text(source)
        (folder / "pyproject.toml").write_text(configuration)
        spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module: Any = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        made.append(name)
        spec.loader.exec_module(module)
        with Undo() as undo:
            load(undo, module.app, checks=False)
        return LoadedApp(module.app, read_configuration(folder), folder, YEAR)

    return open_
