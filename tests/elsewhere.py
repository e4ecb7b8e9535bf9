"""Run the app's tests with other cutoffs: `python -m tests.elsewhere [OPTIONS OF PYTEST]`, or `tox run -e elsewhere`.

`--zone ZONE` runs them with the cutoff in this zone only, and `--folder FOLDER` those in one folder only. Each run has
a copy of the checkout in which only the definition of the cutoff is changed. A test that fails there has a literal
that should come from `refunds.domain.cutoff`.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
DEFINED = Path("refunds", "domain", "cutoff.py")
# Pages of documents show the cutoff of this repository; what starts servers or measures does not depend on it; the
# wheel has the usual cutoff; a copy in another project has a cutoff of its own, or is interrupted under any.
COPIES = ("project/test_copy_runs.py", "project/test_copying_interrupted.py")
NOT_OURS = ("docs", "benchmarks", "chaos", "test_package.py", *COPIES)
IGNORED = [f"--ignore=tests/{name}" for name in NOT_OURS]


class Cutoff(NamedTuple):
    """What a team changes: the zone, the time of day, and the city that pages show."""

    zone: str
    hour: int
    minute: int
    city: str


# Half past an hour in the neighbouring zone; and five minutes after midnight where the offset has half an hour too.
CUTOFFS = [Cutoff("Europe/Warsaw", 16, 30, "Warsaw"), Cutoff("America/St_Johns", 0, 5, "St. John's")]


def redefined(source: str, cutoff: Cutoff) -> str:
    """Return the module with another cutoff. Raises ValueError unless each of the three constants has one line."""
    changes = {
        r'^ZONE: Final = ZoneInfo\(".*?"\)': f'ZONE: Final = ZoneInfo("{cutoff.zone}")',
        r"^TIME: Final = time\(.*?\)": f"TIME: Final = time({cutoff.hour}, {cutoff.minute})",
        r'^CITY: Final = ".*?"': f'CITY: Final = "{cutoff.city}"',
    }
    for line, replacement in changes.items():
        source, count = re.subn(line, replacement, source, flags=re.MULTILINE)
        if count != 1:
            raise ValueError(f"{DEFINED} has {count} lines {line}, and should have one")
    return source


def run(cutoff: Cutoff, options: list[str]) -> int:
    """Run the tests in a copy with this cutoff, and return pytest's exit status."""
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    with tempfile.TemporaryDirectory(prefix="elsewhere-") as folder:
        copy = Path(folder)
        for name in filter(None, files):
            if (ROOT / name).is_file():
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, copy / name)
        module = copy / DEFINED
        module.write_text(redefined(module.read_text("utf-8"), cutoff), "utf-8")
        print(f"{cutoff.hour:02}:{cutoff.minute:02} in {cutoff.city}", flush=True)
        # The copy comes before an installed wheel, for the processes that tests start too.
        environment = {name: value for name, value in os.environ.items() if name != "REFUNDS_TESTED"}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [folder, os.environ.get("PYTHONPATH")]))
        return subprocess.run(
            [sys.executable, "-m", "pytest", *IGNORED, *options], check=False, cwd=copy, env=environment
        ).returncode


def main(arguments: list[str]) -> int:
    """Run the tests with the chosen cutoffs, and return the highest exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.elsewhere", allow_abbrev=False)
    parser.add_argument("--zone", choices=[cutoff.zone for cutoff in CUTOFFS])
    parser.add_argument("--folder", default="tests")
    chosen, options = parser.parse_known_args(arguments)
    return max([run(cutoff, [chosen.folder, *options]) for cutoff in CUTOFFS if chosen.zone in (None, cutoff.zone)])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
