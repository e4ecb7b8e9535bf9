"""Rules about the names of settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..findings import Evidence, Finding, Level
from ..registry import rule
from ..setting_names import SettingNames

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..loaded import LoadedApp


@rule("W001", "unknown-setting", Level.ERROR)
def unknown_setting(loaded: LoadedApp) -> Iterator[Finding]:
    """A setting has a name that nothing reads.

    Celery ignores a setting whose name it does not know, without a warning. A widely copied guide sets
    `CELERY_TASK_MAX_RETRIES`, which does nothing: `max_retries` is an option of a task.

    Preflight asks the loaded settings which names they read, so the answer is that of the installed Celery. It also
    knows the names of RedBeat, django-celery-beat, django-celery-results, celery-once and celery-singleton. It is
    an error where the name is a misspelling of another, or an option of a task. Behind the application's namespace,
    any other name that the application's own code does not read is a warning. Elsewhere it is unknown.
    """
    names = SettingNames(loaded)
    for name in sorted(names.given):
        if name in names.read or names.in_other_case(name) or names.used_by_the_application(name):
            continue
        option, nearest = names.task_option(name), names.renamed(name) or names.nearest(name)
        level, evidence, fix = Level.ERROR, Evidence.READ, f"Did you mean `{nearest}`?"
        if option:
            fix = f"`{option}` is an option of a task: write `@app.task({option}=…)`, or use `task_annotations`."
        elif nearest is None:
            behind = names.namespace is not None and name.upper().startswith(f"{names.namespace.upper()}_")
            level, fix = Level.WARNING, "Remove it, or give the name that the installed releases read."
            evidence = Evidence.READ if behind else Evidence.UNKNOWN
        yield Finding(
            f"neither Celery nor a known extension reads `{name}`",
            fix,
            setting=name,
            place=loaded.sources.place_of_name(name),
            level=level,
            evidence=evidence,
        )


@rule("W002", "setting-in-wrong-case", Level.ERROR)
def setting_in_wrong_case(loaded: LoadedApp) -> Iterator[Finding]:
    """A setting is written in a case in which nothing reads it.

    Behind a namespace such as `CELERY`, Celery reads upper-case names. Django drops every name of its settings
    module that is not in upper case. So `redbeat_redis_url` in Django's settings does nothing, and RedBeat uses the
    broker's URL.
    """
    names = SettingNames(loaded)
    for name in sorted(names.given):
        right = names.in_other_case(name)
        if right is not None and (name not in names.read or name in names.dropped_by_django):
            written = next(each for each in (names.written(right.lower()), name.upper(), right) if each in names.read)
            yield Finding(
                f"nothing reads `{name}` in this case",
                f"Write `{written}`.",
                setting=name,
                place=loaded.sources.place_of_name(name),
            )


@rule("W003", "deprecated-setting-name", Level.INFO)
def deprecated_setting_name(loaded: LoadedApp) -> Iterator[Finding]:
    """A setting has an old name, which Celery 6 will not read.

    Celery 5 still reads it. `celery upgrade settings FILE` renames it.
    """
    names = SettingNames(loaded)
    for name in sorted(names.given):
        right = names.renamed(name)
        if right not in (None, name) and name in names.read:
            yield Finding(
                f"Celery 6 will not read the old name `{name}`",
                f"Write `{right}`.",
                setting=name,
                place=loaded.sources.place_of_name(name),
            )
