"""Write the lines that a person adds to the project, by file."""

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires
from typing import Final

from .plan import Plan
from .sources import CLONE, NAME, PACKAGE, constants

# Apps of other packages that a room's settings need.
APPS: Final = {"beat": ["django_celery_beat"]}
# Arguments of the Celery app, which settings cannot give.
ARGUMENTS: Final = {"worker": 'control="{label}.worker.control:Control"'}
# Only the default project reads DATABASE_URL.
NOT_COPIED: Final = "dj-database-url"


@dataclass(frozen=True)
class Snippet:
    """Hold the lines to add to a file in the project's folder; `where` says where in the file."""

    file: str
    where: str
    lines: Sequence[str]

    def __str__(self) -> str:
        return "\n".join([f"{self.file} ({self.where}):", "", *(f"    {line}".rstrip() for line in self.lines), ""])


def snippets(plan: Plan) -> list[Snippet]:
    """Return what to add to the project that the plan copies into."""
    label, rooms, settings = plan.label, plan.rooms, plan.settings
    project = settings.partition(".")[0]
    path = settings.replace(".", "/")
    # A project's settings can be a package.
    file = f"{path}/__init__.py" if (plan.target / path).is_dir() else f"{path}.py"
    found = [Snippet(file, "at its end", list(_settings(label, rooms)))]
    if urls := list(_urls(label, rooms)):
        found.append(Snippet(f"{project}/urls.py", "at its end", urls))
    arguments = [f'"{project}"', *(ARGUMENTS[room].format(label=label) for room in rooms if room in ARGUMENTS)]
    app = [
        *("import os", "", "from celery import Celery", ""),
        f'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "{settings}")',
        f"app = Celery({', '.join(arguments)})",
        'app.config_from_object("django.conf:settings", namespace="CELERY")',
        "app.autodiscover_tasks()",
    ]
    found.append(
        Snippet(f"{project}/celery.py", "a new file; in an app that you have, the last three lines matter", app)
    )
    where = "at its end: every process that imports the settings then publishes to this app"
    found.append(Snippet(f"{project}/__init__.py", where, ["from .celery import app as celery_app  # noqa: F401"]))
    return found


def packages(rooms: Sequence[str]) -> list[str]:
    """Return the requirements of the core and of the rooms, as arguments of pip."""
    wanted = [*_declared(""), *(line for room in rooms for line in _declared(room))]
    return sorted({line for line in wanted if not line.startswith(NOT_COPIED)})


def _declared(extra: str) -> list[str]:
    """Return the project's own requirements, or those of an extra. A clone need not be installed."""
    if CLONE.is_file():
        project = tomllib.loads(CLONE.read_text("utf-8"))["project"]
        found: list[str] = project["optional-dependencies"].get(extra, []) if extra else project["dependencies"]
        return found
    marker = f"extra == '{extra}'" if extra else ""
    try:
        lines = [line.partition(";") for line in requires(NAME) or ()]
    except PackageNotFoundError:  # this is neither an installed package nor a clone, so its needs are unknown
        return []
    return [name.strip() for name, _, only in lines if only.strip().replace('"', "'") == marker]


def _settings(label: str, rooms: Sequence[str]) -> Iterator[str]:
    parts = {"core": label} | {room: f"{label}.{room}" for room in rooms}
    offered = {part: constants(PACKAGE / ("" if part == "core" else part) / "settings.py") for part in parts}
    offered = {part: names for part, names in offered.items() if names}
    yield "import os"
    for part in offered:
        yield f"from {parts[part]} import settings as {part}"
        yield f"from {parts[part]}.settings import *  # noqa: F403"
    apps = [*parts.values(), *(app for room in rooms for app in APPS.get(room, ()))]
    yield from ("", "INSTALLED_APPS += [", *(f'    "{app}",' for app in apps), "]")
    yield "# These replace what is above: merge them with the schedule, the routes and the queues that you have."
    for setting, name in (("CELERY_BEAT_SCHEDULE", "BEAT_SCHEDULE"), ("CELERY_TASK_ROUTES", "TASK_ROUTES")):
        if having := [f"{part}.{name}" for part, names in offered.items() if name in names]:
            yield f"{setting} = {' | '.join(having)}"
    if having := [f"*{part}.TASK_QUEUES" for part, names in offered.items() if "TASK_QUEUES" in names]:
        yield "# Set REFUNDS_QUEUE_TYPE above this line."
        yield f"CELERY_TASK_QUEUES = core.queues([{', '.join(having)}], REFUNDS_QUEUE_TYPE)"
    yield from _LANGUAGES
    yield 'CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL", "redis://localhost:6379/0")'
    yield from _SQLITE


# Django's own catalogues have a hundred languages. A page in one of the others would be half in English.
_LANGUAGES: Final = (
    "# Pages are in the browser's language, or else in LANGUAGE_CODE. Leave this out if you choose languages above.",
    'LANGUAGES = [("en", "English"), ("uk", "українська")]',
    'common = MIDDLEWARE.index("django.middleware.common.CommonMiddleware")',
    'MIDDLEWARE.insert(common, "django.middleware.locale.LocaleMiddleware")',
)

# The options of the default project's database, for the same reasons (project/environment.py).
_SQLITE: Final = (
    'if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":',
    "    # Several processes write: wait for the lock before the transaction reads, and let readers go on.",
    '    DATABASES["default"]["OPTIONS"] = {',
    '        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",',
    '        "transaction_mode": "IMMEDIATE",',
    '        "timeout": 20,  # seconds; longer than any chunk takes',
    "    }",
)


def _urls(label: str, rooms: Sequence[str]) -> Iterator[str]:
    having = [room for room in rooms if (PACKAGE / room / "urls.py").is_file()]
    if not having:
        return
    yield from ("from django.urls import include, path", "", "urlpatterns += [")
    for room in having:
        yield f'    path("", include("{label}.{room}.urls")),'
    yield "]"
