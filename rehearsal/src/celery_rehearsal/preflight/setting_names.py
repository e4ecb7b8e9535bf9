"""The names that the application gives as settings, and those that Celery and its common extensions read."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from celery.app import defaults
from celery.app.task import Task

if TYPE_CHECKING:
    from .loaded import LoadedApp

TABLES: Any = defaults  # celery-types leaves out the table of old names

# What Settings keeps of itself, and what the loader, celery.app.base and the fixup for Django read by name.
BOOKKEEPING = {
    *("deprecated_settings", "override_backends", "CELERY_OVERRIDE_BACKENDS", "__bogus__"),
    "CELERY_DB_REUSE_MAX",
}
# Names that extensions read through the application's settings. A test compares them with RedBeat's source.
REDBEAT = {
    *("redbeat_key_prefix", "redbeat_redis_url", "redbeat_redis_use_ssl", "redbeat_redis_options"),
    *("redbeat_lock_key", "redbeat_lock_timeout"),
}
# celery-once and celery-singleton.
OTHERS = {
    *("once", "singleton_backend_class", "singleton_backend_kwargs", "singleton_backend_url", "singleton_key_prefix"),
    *("singleton_lock_expiry", "singleton_raise_on_duplicate"),
}
# Names that extensions read from Django's settings. A test compares them with the packages' source.
DJANGO = {
    *("DJANGO_CELERY_BEAT_TZ_AWARE", "DJANGO_CELERY_RESULTS", "DJANGO_CELERY_RESULTS_TASK_ID_MAX_LENGTH"),
    "DJANGO_CELERY_RESULTS_ID_FIRST_URLS",
}
# The first words of most settings.
GROUPS = ("beat", "broker", "result", "task", "worker")
# Options of `@app.task` that the class Task does not have.
OPTIONS = {
    *("autoretry_for", "base", "bind", "retry_backoff", "retry_backoff_max", "retry_jitter", "retry_kwargs"),
    "dont_autoretry_for",
}
# How similar a misspelt name is: 1.0 is equal.
SIMILAR = 0.86


@dataclass(frozen=True)
class SettingNames:
    """Which names are given, and which are read."""

    loaded: LoadedApp

    @property
    def namespace(self) -> str | None:
        """The application's namespace, such as CELERY."""
        return self.loaded.namespace

    @cached_property
    def read(self) -> set[str]:
        """Each name under which Celery or an extension finds a setting: asked of the settings object itself."""
        conf = self.loaded.conf
        keys = set(defaults.SETTING_KEYS) | REDBEAT | {name.upper() for name in REDBEAT} | OTHERS
        named = {name for key in keys for name in conf._to_keys(key)}
        return named | BOOKKEEPING | DJANGO | {name for name in TABLES._TO_NEW_KEY if self._old_name_holds(name)}

    def _old_name_holds(self, name: str) -> bool:
        # Before Celery 5.7, whether an old name is read depends on the names next to it.
        values = [mapping[name] for mapping in self.loaded.conf.maps[:-1] if name in mapping]
        return bool(values) and bool(self.loaded.conf.get(TABLES._TO_NEW_KEY[name]) == values[0])

    @cached_property
    def given(self) -> set[str]:
        """The names that the application gives, and those that Django drops."""
        found: set[str] = set()
        for mapping in self.loaded.conf.maps[:-1]:
            if isinstance(mapping, dict):
                found.update(name for name in mapping if isinstance(name, str) and self._meant(name))
            else:
                found.update(name for name in dir(mapping.obj) if self._setting(mapping.obj, name))
        return found | self.dropped_by_django

    def _meant(self, name: str) -> bool:
        # A web framework's whole configuration can be there, all of it in upper case.
        return not name.isupper() or self.for_celery(name)

    def _setting(self, owner: Any, name: str) -> bool:
        if not self.for_celery(name):
            return False
        value = getattr(owner, name, None)
        return not isinstance(value, (ModuleType, FunctionType, type))

    def for_celery(self, name: str) -> bool:
        """Tell whether a name begins as Celery's names do."""
        first = {"redbeat_", "celery_", "celeryd_", "celerybeat_", "celeryev_", "celerymon_", "django_celery_"}
        if self.namespace:
            first.add(f"{self.namespace.lower()}_")
        else:
            first |= {f"{key.partition('_')[0]}_" for key in defaults.SETTING_KEYS if "_" in key}
        one_word = [] if self.namespace else [key for key in defaults.SETTING_KEYS if "_" not in key]
        close = get_close_matches(name.lower(), one_word, n=1, cutoff=SIMILAR)
        return name.lower().startswith(tuple(first)) or bool(close)

    @cached_property
    def dropped_by_django(self) -> set[str]:
        """Names in Django's settings module that Django ignores because they are not in upper case."""
        module = sys.modules.get(os.environ.get("DJANGO_SETTINGS_MODULE", ""))
        return {
            name
            for name in (vars(module) if module and "django.conf" in sys.modules else ())
            if not name.isupper() and not name.startswith("_") and name.upper() in self._upper and self.for_celery(name)
        }

    @cached_property
    def _upper(self) -> dict[str, str]:
        return {name.upper(): name for name in sorted(self.read)}

    def in_other_case(self, name: str) -> str | None:
        """The name that is read and differs in case only."""
        return self._upper.get(name.upper())

    def renamed(self, name: str) -> str | None:
        """The new name, by Celery's own table of old names, as the application has to write it."""
        new = TABLES._TO_NEW_KEY.get(name.upper())
        return None if new is None else self.written(new)

    def written(self, key: str) -> str:
        """A setting's name as this application writes it."""
        return f"{self.namespace}_{key.upper()}" if self.namespace else key

    def behind_a_namespace(self, name: str) -> str | None:
        """The setting that someone wrote behind CELERY_, where the application has no namespace."""
        bare = name.lower().removeprefix("celery_")
        return bare if self.namespace is None and name.lower() != bare in defaults.SETTING_KEYS else None

    def without_its_group(self, name: str) -> str | None:
        """The only setting that has this name after its first word: `worker_concurrency` for CELERY_CONCURRENCY."""
        bare = name.lower().removeprefix(f"{self.namespace or 'celery'}_".lower())
        found = [key for key in defaults.SETTING_KEYS if key in {f"{group}_{bare}" for group in GROUPS}]
        return self.written(found[0]) if len(found) == 1 else None

    def task_option(self, name: str) -> str | None:
        """The option of a task that someone gave as a setting: `max_retries` for CELERY_TASK_MAX_RETRIES."""
        bare = name.lower()
        for prefix in (f"{self.namespace or 'celery'}_".lower(), "task_"):
            bare = bare.removeprefix(prefix)
        own = bare in vars(Task) and not bare.startswith("_") and not callable(getattr(Task, bare))
        return bare if own or bare in OPTIONS else None

    def nearest(self, name: str) -> str | None:
        """The name that is read and is most similar, if it is similar enough to be a misspelling."""
        candidates = [self.written(key) for key in sorted({*defaults.SETTING_KEYS, *REDBEAT})]
        candidates += sorted(DJANGO) + sorted(key.upper() for key in REDBEAT)
        # Case by case: a misspelling in other case is as wrong.
        by_lower = {each.lower(): each for each in reversed(candidates)}
        # A misspelt old name means the new one.
        by_lower |= {
            old.lower(): self.written(new) for old, new in TABLES._TO_NEW_KEY.items() if old.lower() not in by_lower
        }
        found = get_close_matches(name.lower(), list(by_lower), n=1, cutoff=SIMILAR)
        return by_lower[found[0]] if found else None

    def used_by_the_application(self, name: str) -> bool:
        """Tell whether the application's own code reads the name: as an attribute, or as a string."""
        return name in self.loaded.sources.words.read
