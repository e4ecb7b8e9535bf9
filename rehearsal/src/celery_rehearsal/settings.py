"""The settings that a cluster writes over the app's own, and the eager mode that must stay off under them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import BadUseError
from .patching import swap_contents

if TYPE_CHECKING:
    from contextlib import ExitStack

EAGER = "task_always_eager"

# A cluster differs from the app's own settings in these alone. Eager mode would never reach the broker.
SETTINGS = {EAGER: False}


def write_settings(undo: ExitStack, app: Any) -> None:
    """Write the settings. Raises BadUseError naming each that Celery does not read back."""
    conf = app.conf
    swap_contents(undo, conf.changes)
    # Celery looks for the first of these names first. Up to 5.6 a namespaced name wins over the plain one,
    # whichever mapping it is in.
    conf.update({conf._to_keys(name)[0]: value for name, value in SETTINGS.items()})
    read = {name: getattr(conf, name) for name in SETTINGS}
    kept = [f"{name} is still {read[name]!r}, not {value!r}" for name, value in SETTINGS.items() if read[name] != value]
    if kept:
        raise BadUseError(f"the app's settings cannot be overridden: {'; '.join(kept)}; change it for the test")


def check_eager(app: Any) -> None:
    """Ask for eager mode as Celery does, where Celery itself does not ask or would log the refusal only."""
    app.conf.get(EAGER)


def turned_on(conf: Any) -> set[tuple[int, str]]:
    """Each place in the settings that says eager: the mapping's position and the name in it."""
    names = {*conf._to_keys(EAGER), *(rename(EAGER) for rename in conf._keys or ())}
    return {(where, name) for where, mapping in enumerate(conf.maps) for name in names if mapping.get(name)}
