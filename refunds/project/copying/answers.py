"""Check the arguments of the command. Each refusal is one line."""

import keyword
import pkgutil
import re
import sys
from datetime import UTC, date, datetime, time, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

import django.contrib

from ...domain import cutoff as original
from .errors import CannotCopy
from .rewriting import Cutoff
from .sources import PACKAGE

# Characters. PostgreSQL cuts names after 63, and the longest name of a table or sequence adds fewer than 40 to it.
LONGEST_LABEL: Final = 23
# Days from today on which the cutoff must exist: within them, every rule of a zone applies at least once.
DAYS: Final = 20 * 366


def label(text: str, target: Path) -> str:
    """Return the label. Raises CannotCopy unless it can name a new package in the folder `target`."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", text) or keyword.iskeyword(text):
        raise CannotCopy(
            f"--label {text!r}: choose a lower-case Python identifier that is no keyword, such as returns: it becomes "
            "the name of the package, of the app and of its tables"
        )
    if len(text) > LONGEST_LABEL:
        raise CannotCopy(f"--label {text!r}: choose at most {LONGEST_LABEL} characters: it is part of names of tables")
    for path in (target / text, target / f"{text}.py"):
        if path.exists() or path.is_symlink():
            raise CannotCopy(f"{path} exists, and nothing is overwritten: choose another --label, or move it away")
    if text == "tests" or text in sys.stdlib_module_names or text in _contrib() or _is_another_module(text):
        raise CannotCopy(f"--label {text!r}: a module or app of this name exists already: choose another one")
    if app := _app(text, target):
        raise CannotCopy(f"--label {text!r}: the app in {app} has this label: choose another one")
    return text


def _app(label: str, target: Path) -> Path | None:
    """Return the folder of the project's own app with this label, wherever it is in the project."""
    for file in sorted(target.rglob("apps.py")):
        named = re.search(r"""^\s+label\b.*=\s*["'](\w+)["']""", file.read_text("utf-8", "replace"), re.MULTILINE)
        if (named[1] if named else file.parent.name) == label:
            return file.parent
    return None


def _contrib() -> frozenset[str]:
    """Return the labels of Django's own apps."""
    return frozenset(module.name for module in pkgutil.iter_modules(django.contrib.__path__))


def _is_another_module(name: str) -> bool:
    spec = find_spec(name)
    return spec is not None and str(PACKAGE) not in (spec.submodule_search_locations or ())


def target(text: str) -> Path:
    """Return the folder of the project to copy into. Raises CannotCopy if it has no manage.py."""
    folder = Path(text).resolve()
    if not (folder / "manage.py").is_file():
        raise CannotCopy(f"{folder} has no manage.py: name the folder of a Django project's manage.py")
    return folder


def settings_module(target: Path) -> str:
    """Return the settings module that the project's manage.py sets. Raises CannotCopy."""
    found = re.search(
        r"""["']DJANGO_SETTINGS_MODULE["'],\s*["']([\w.]+\.\w+)["']""", (target / "manage.py").read_text("utf-8")
    )
    if not found:
        raise CannotCopy(
            f"{target / 'manage.py'} sets no DJANGO_SETTINGS_MODULE such as shop.settings: set it as startproject does"
        )
    return found[1]


def cutoff(at: str | None, zone: str | None) -> Cutoff:
    """Return the cutoff. Raises CannotCopy if the clocks of its zone skip or repeat it on some day."""
    named = Cutoff(None if zone is None else _zone(zone), None if at is None else _time(at))
    _once_each_day(named.zone or original.ZONE, named.at or original.TIME)
    return named


def _zone(text: str) -> ZoneInfo:
    if text not in available_timezones():
        raise CannotCopy(f"--zone {text!r}: there is no such time zone: write it such as Europe/Warsaw")
    return ZoneInfo(text)


def _time(text: str) -> time:
    try:
        if re.fullmatch(r"\d\d:\d\d", text, re.ASCII):
            return time.fromisoformat(text)
    except ValueError:
        pass
    raise CannotCopy(f"--cutoff {text!r}: write hours and minutes from 00:00 to 23:59, such as 17:00")


def _once_each_day(zone: ZoneInfo, at: time) -> None:
    today: date = datetime.now(UTC).date()
    for day in (today + timedelta(days=number) for number in range(DAYS)):
        wall = datetime.combine(day, at, zone)
        # The offsets of both folds differ only if the clocks skip or repeat this time.
        if wall.utcoffset() != wall.replace(fold=1).utcoffset():
            exists = wall.astimezone(UTC).astimezone(zone).time() == at
            how = "comes twice" if exists else "does not exist"
            raise CannotCopy(
                f"the cutoff {at:%H:%M} {how} in {zone.key} on {day}, when clocks change: choose another time"
            )
