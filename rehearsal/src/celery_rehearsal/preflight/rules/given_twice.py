"""A rule about settings that two places give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import celery
from celery.app import defaults

from ..findings import Finding, Level
from ..registry import rule
from ..setting_names import SettingNames

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..loaded import LoadedApp


@rule("W021", "setting-given-twice", Level.WARNING)
def setting_given_twice(loaded: LoadedApp) -> Iterator[Finding]:
    """A setting has one value behind the namespace and another in `app.conf`.

    Celery reads one of them and says nothing of the other: a `beat_schedule` of `celery.py` and a
    `CELERY_BEAT_SCHEDULE` of Django's settings are not merged. Up to Celery 5.6 the settings come first, and from 5.7
    on the assignment to `app.conf` and the arguments of `Celery(…)` do. Keep one.
    """
    changes, *sources = loaded.conf.maps[:-1]
    for key in sorted(set(changes) & set(defaults.SETTING_KEYS)) if loaded.namespace else ():
        written = SettingNames(loaded).written(key)
        given = [each[written] for each in sources if written in each]
        if given and given[0] != changes[key]:
            yield Finding(
                f"`{written}` and `app.conf.{key}` differ, and Celery {celery.__version__} reads "
                f"`{_read(loaded, key, written, given[0])}`",
                "Keep one of them, with all that the other has.",
                setting=key,
                place=loaded.sources.place_of_name(key),
            )


def _read(loaded: LoadedApp, key: str, written: str, given: Any) -> str:
    return written if loaded.conf.get(key) == given else f"app.conf.{key}"
