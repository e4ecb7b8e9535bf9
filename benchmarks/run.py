"""Runs benchmarks: `python -m benchmarks.run [NAME …] [--rows N] [--json FILE]`; without a name all of them."""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from .report import Skipped, Table, as_json

# By name: the module whose `measure(Options)` yields its tables, and what it is about.
BENCHMARKS = {
    "approve_all": ("sweeps", "approve-all and decline-all, click to last row, beside one raw statement"),
    "click": ("click", "the button's page and its press, under load"),
    "peers": ("peers", "the same rows as tutorials do it, and as other task queues do it"),
    "paying": ("paying", "wallet refunds next to the raw statements; what is added to a call to Stripe"),
    "tuning": ("tuning", "what each of Celery's settings is worth"),
    "virtual_time": ("virtual_time", "a year, 10,000 executions, the start of a cluster"),
    "import_returns": ("import_returns", "a file, beside COPY and executemany of the same parsed rows"),
    "safety_net": ("safety_net", "the reconciler and the health check among millions of rows"),
    "frozen": ("frozen", "what a frozen set costs an import, a page, a press and a chunk"),
    "pages": ("pages", "each page of the admin while a day of returns is decided, paid, declined and undone"),
    "cost": ("cost", "processor, log, disk and messages from the file to the last refund"),
}


@dataclass(frozen=True)
class Options:
    """What the command line says. `rows`: None for each benchmark's own numbers of rows."""

    rows: int | None = None
    decided: int = 5_000_000
    rounds: int = 3

    def arguments(self) -> list[str]:
        """The same, for another command line."""
        rows = [] if self.rows is None else ["--rows", str(self.rows)]
        return [*rows, "--decided", str(self.decided), "--rounds", str(self.rounds)]


def prepare() -> None:
    """Django and the Celery app in this process, with an in-memory broker and nothing of the environment's."""
    os.environ["CELERY_BROKER_URL"] = "memory://"
    os.environ["CELERY_RESULT_BACKEND"] = "cache+memory://"
    os.environ["DJANGO_SETTINGS_MODULE"] = "refunds.project.settings"
    import django

    import celery_app  # noqa: F401  # shared tasks belong to this app

    django.setup()


def main(arguments: list[str] | None = None) -> None:
    """Run those that are named, print each table as it is ready, and write all as JSON where a file is given."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.run",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(f"{name:15} {about}" for name, (_, about) in BENCHMARKS.items()),
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="one or more of those below; all without")
    parser.add_argument("--rows", type=_count, help="rows to handle, instead of each benchmark's own numbers")
    parser.add_argument(
        "--decided", type=_count, default=Options.decided, help="decided rows in the table (%(default)s)"
    )
    parser.add_argument("--rounds", type=_count, default=Options.rounds, help="turns that each takes (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there too")
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.names) - set(BENCHMARKS):
        parser.error(f"no benchmark is named {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    # Ended by a signal it removes what it has made, as it does at Ctrl-C.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    names = chosen.names or list(BENCHMARKS)
    options = Options(chosen.rows, chosen.decided, chosen.rounds)
    found = _here(names[0], options) if len(names) == 1 else _each_apart(names, options)
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=2) + "\n")


def _here(name: str, options: Options) -> dict[str, Any]:
    """Run one in this process."""
    module = import_module(f".{BENCHMARKS[name][0]}", __package__)
    tables: list[Table] = []
    skipped = {}
    try:
        for table in module.measure(options):
            print(table.markdown(), flush=True)
            tables.append(table)
    except Skipped as reason:
        skipped[name] = str(reason)
        print(f"{name}: skipped: {reason}\n", flush=True)
    return as_json({name: tables}, skipped)


def _each_apart(names: Sequence[str], options: Options) -> dict[str, Any]:
    """Run each in a process of its own: what one has loaded, set or frozen is not in the way of the next."""
    together = as_json({}, {})
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "found.json"
        for name in names:
            command = [sys.executable, "-m", "benchmarks.run", name, *options.arguments(), "--json", str(file)]
            _run(command)
            found = json.loads(file.read_text())
            together["tables"] |= found["tables"]
            together["skipped"] |= found["skipped"]
    return together


def _run(command: Sequence[str]) -> None:
    """Run it to its end, and do not end before it, which has databases to drop. Raises CalledProcessError."""
    with subprocess.Popen(command) as process:
        try:
            process.wait()
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)


def _count(text: str) -> int:
    number = int(text.replace(",", "").replace("_", ""))
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return number


if __name__ == "__main__":
    main()
