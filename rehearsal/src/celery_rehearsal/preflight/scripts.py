"""A pytest that shows a finding: its text, which a user pastes into a file of the tests, and a run of it."""

from __future__ import annotations

import inspect
import json
import re
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .loaded import LoadedApp

# Without an application's module to import it from, the test asks for the project's fixture.
FIXTURE = "virtual_celery_app"

UNITS = (("days", 86_400), ("hours", 3_600), ("minutes", 60), ("seconds", 1))

STUBS = ("for name in sorted(app.tasks):", "    celery.mock(name)")


@dataclass(frozen=True)
class Script:
    """What a test does in a cluster that starts at `start`. `says` is what the repaired application does.

    `body` are the lines after the tasks are stubs, unless they are `real`, and after beat has begun with no other
    entry than `entry`; without an entry, no beat runs. `options` are further arguments of the cluster. A
    failure of the test has another reason than the finding without a record of the kind `shows` and, where it
    `doubles`, without an attempt that ran twice.
    """

    rule: str
    task: str
    says: str
    start: datetime
    body: tuple[str, ...]
    entry: str | None = None
    options: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    real: bool = False
    shows: str = ""
    doubles: bool = False
    transport: str = "memory"

    @property
    def function(self) -> str:
        """The name of the test."""
        words = re.sub(r"\W+", "_", f"{self.rule}_{self.entry or self.task}").strip("_").lower()
        return f"test_{words}"

    def text(self, loaded: LoadedApp) -> str:
        """The test's module."""
        found = _import_of(loaded)
        body = "\n".join(self.body)
        names = "datetime, timedelta" if "timedelta" in body else "datetime"
        imports = [f"from datetime import {names}", *filter(_is_pythons, self.imports)]
        others = [each for each in self.imports if not _is_pythons(each)]
        mine = sorted(["from celery_rehearsal import VirtualCelery", *found, *others])
        argument = "" if found else FIXTURE
        lines = ["with VirtualCelery(", *(f"    {each}," for each in self._arguments()), ") as celery:"]
        lines += [f"    {line}" for line in (*self._opening(), *self.body)]
        head = [f"def {self.function}({argument}):", f'    """{self.rule}: {self.says}."""']
        head += [] if found else [f"    app = {FIXTURE}"]
        start = f'    start = datetime.fromisoformat("{self.start.astimezone(timezone.utc).isoformat()}")'
        test = [*head, start, *(f"    {line}".rstrip() for line in lines)]
        return "\n".join([*imports, "", *mine, "", "", *test, ""])

    def _arguments(self) -> list[str]:
        given = ["app", "start", f"transport={quoted(self.transport)}", 'workers={"worker": "*"}']
        if not any(each.startswith("beats=") for each in self.options):
            given.append(f"beats={1 if self.entry else 0}")
        # Nobody reads the result of a stub.
        return [*given, *(() if self.real else ('result_backend="disabled://"',)), *self.options]

    def _opening(self) -> tuple[str, ...]:
        stubs = () if self.real else STUBS
        return (*stubs, *(_only(self.entry) if self.entry else ()))


def _is_pythons(line: str) -> bool:
    return line.split()[1].partition(".")[0] in sys.stdlib_module_names


def _only(entry: str) -> tuple[str, ...]:
    """Lines that start beat again with one entry: the others would only take time."""
    return (
        f"entries = {{{quoted(entry)}: app.conf.beat_schedule[{quoted(entry)}]}}",
        "app.conf.update(beat_schedule=entries, result_expires=None)",
        "for name in list(celery.beats):",
        "    celery.stop_beat(name, kill=True)",
        "    celery.start_beat(name, fresh=True)",
    )


def quoted(text: str) -> str:
    """A string as Python writes it, in double quotes."""
    return json.dumps(text, ensure_ascii=False)


def span(length: timedelta) -> str:
    """A duration as keywords of `advance` and of `timedelta`."""
    left = length.total_seconds()
    parts = []
    for name, size in UNITS:
        count, left = (left, 0) if size == 1 else divmod(left, size)
        if count:
            parts.append(f"{name}={count:g}" if size > 1 or count == int(count) else f"{name}={count!r}")
    return ", ".join(parts) or "seconds=0"


def until(script_start: datetime, at: datetime) -> str:
    """The line that lets time pass until an instant."""
    return f"celery.run_until(start + timedelta({span(at - script_start)}))"


def arguments(task: Any) -> str:
    """Arguments for a call of the task, each of them None: a stub reads none."""
    try:
        parameters = inspect.signature(getattr(task, "_orig_run", task.run)).parameters.values()
    except (TypeError, ValueError):  # a function that does not tell
        return ""
    needed = [each for each in parameters if each.default is each.empty]
    words = {each.name: None for each in needed if each.kind is each.KEYWORD_ONLY}
    args = ["None" for each in needed if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    shown = [f"args=[{', '.join(args)}]"] if args else []
    return ", ".join([*shown, *([f"kwargs={words!r}"] if words else [])])


def _import_of(loaded: LoadedApp) -> list[str]:
    for module in loaded.sources.modules:
        for name, value in module.names.items():
            if value is loaded.app and name.isidentifier() and module.name != "__main__":
                return [f"from {module.name} import {name}" + ("" if name == "app" else " as app")]
    return []
