"""Copy the core and the wanted rooms into a Django project: `copy TARGET --label LABEL`."""

import shlex
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ...copying import answers
from ...copying.errors import CannotCopy
from ...copying.plan import Plan
from ...copying.rooms import kept, rooms
from ...copying.snippets import packages, snippets
from ...copying.sources import tests_folder
from ...copying.writing import refuse_leftovers, write


class Command(BaseCommand):
    """Copies, and prints what to add to the project. It needs no database, and overwrites nothing."""

    help = "Copy the app and its tests into a Django project, under a label and a cutoff of your own."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the target, the label, the rooms, the cutoff and the tests."""
        parser.add_argument("target", help="the folder of the project's manage.py")
        parser.add_argument("--label", required=True, help="name of the copied package and app, such as returns")
        parser.add_argument(
            "--without", action="append", default=[], metavar="ROOM,…", help=f"rooms to leave out: {', '.join(rooms())}"
        )
        parser.add_argument("--cutoff", metavar="HH:MM", help="time of day of the cutoff (default: as here)")
        parser.add_argument("--zone", metavar="AREA/CITY", help="time zone of the cutoff (default: as here)")
        parser.add_argument("--tests", type=Path, metavar="FOLDER", help="the tests of a clone (default: of this one)")
        parser.add_argument("--without-tests", action="store_true", help="copy the app alone")
        parser.add_argument("--dry-run", action="store_true", help="list the files, and write nothing")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Copy, and print what to add. Raises CommandError, before it writes anything, for a refused copy."""
        try:
            plan = _plan(options)
            files = plan.files()
            if options["dry_run"]:
                self.stdout.write("\n".join(map(str, sorted(files))))
                return
            added = [*map(str, snippets(plan)), *_next(plan)]
            write(plan.target, plan.label, files)
        except CannotCopy as refused:
            raise CommandError(str(refused)) from None
        self.stdout.write(f"Copied {len(files)} files into {plan.target}. Add to the project:\n\n")
        self.stdout.write("\n".join(added))


def _plan(options: dict[str, Any]) -> Plan:
    target = answers.target(options["target"])
    refuse_leftovers(target, options["label"])
    plan = Plan(
        target=target,
        label=answers.label(options["label"], target),
        rooms=kept(room for given in options["without"] for room in given.split(",") if room),
        cutoff=answers.cutoff(options["cutoff"], options["zone"]),
        settings=answers.settings_module(target),
        tests=None if options["without_tests"] else tests_folder(options["tests"]),
    )
    plan.refuse()
    return plan


def _next(plan: Plan) -> list[str]:
    needed = " ".join(map(shlex.quote, packages(plan.rooms)))
    install = [f"pip install {needed}"] if needed else []
    check = ["python manage.py check", "python manage.py makemigrations --check", "python manage.py migrate"]
    project = plan.settings.partition(".")[0]
    found = _commands("Then, in that folder:", [*install, *check])
    if plan.tests:
        kit = shlex.quote(f"{plan.tests.resolve().with_name('rehearsal')}[redis,hypothesis]")
        tests = f'python -m pytest --ds tests.{plan.label}.settings -m "not long" tests/{plan.label}'
        found += _commands("Run the copied tests:", [f"pip install {kit} pytest-django", tests])
        found += [f"The pages about the rooms and their settings are in tests/{plan.label}/docs.", ""]
    return found + _commands(
        "Run it, each in a terminal, with Redis at CELERY_BROKER_URL:",
        [f"celery -A {project} {part}" for part in ("worker", "beat")],
    )


def _commands(heading: str, commands: list[str]) -> list[str]:
    return [heading, "", *(f"    {command}" for command in commands), ""]
