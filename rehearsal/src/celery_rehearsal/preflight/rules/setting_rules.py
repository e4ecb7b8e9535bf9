"""Rules about the names of settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..findings import Evidence, Level
from ..registry import rule
from ..setting_names import SettingNames
from .about import about_setting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..findings import Finding
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
        fix = _right_name(names, name)
        behind = names.namespace is not None and name.upper().startswith(f"{names.namespace.upper()}_")
        yield about_setting(
            loaded,
            name,
            f"neither Celery nor a known extension reads `{name}`",
            fix or "Remove it, or give the name that the installed releases read.",
            place=loaded.sources.place_of_name(name),
            level=Level.ERROR if fix else Level.WARNING,
            evidence=Evidence.READ if fix or behind else Evidence.UNKNOWN,
        )


def _right_name(names: SettingNames, name: str) -> str | None:
    if bare := names.behind_a_namespace(name):
        return f"Write `{bare}`, or give `config_from_object` the argument `namespace='CELERY'`."
    nearest = names.without_its_group(name)
    option = names.task_option(name)
    if option and not nearest:
        return f"`{option}` is an option of a task: write `@app.task({option}=…)`, or use `task_annotations`."
    nearest = nearest or names.renamed(name) or names.nearest(name)
    return f"Did you mean `{nearest}`?" if nearest else None


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
            yield about_setting(
                loaded,
                name,
                f"nothing reads `{name}` in this case",
                f"Write `{written}`.",
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
            yield about_setting(
                loaded,
                name,
                f"Celery 6 will not read the old name `{name}`",
                f"Remove it: `{right}` is there too." if right in names.given else f"Write `{right}`.",
                place=loaded.sources.place_of_name(name),
            )
