"""The core stays small enough to read in an hour, and its tests in proportion."""

from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[2]
APP = ROOT / "refunds"
FOLDERS = ("domain", "operations", "gateways")
MODULES = ("apps", "checks", "errors", "frozen", "models", "outbox", "queries", "schedule", "signals", "tasks")
# These tests are of the documentation, the benchmarks, the pages in a browser and real servers.
NOT_THE_APPS = ("benchmarks", "browser", "chaos", "docs")


def lines(files: Iterable[Path]) -> list[str]:
    return [line.strip() for file in files for line in file.read_text("utf-8").splitlines()]


def test_core_has_at_most_1500_lines_of_code_and_docstrings() -> None:
    """Blank lines and comments do not count: ADR 9 says what belongs to the core."""
    core = [file for folder in FOLDERS for file in (APP / folder).glob("*.py")]
    core += [APP / f"{name}.py" for name in MODULES]
    assert len([line for line in lines(core) if line and not line.startswith("#")]) <= 1_500


def test_app_has_at_most_three_lines_of_tests_for_two_lines_of_code() -> None:
    """What nobody writes does not count: migrations."""
    code = [file for file in APP.rglob("*.py") if "migrations" not in file.parts]
    tests = [
        file for file in APP.with_name("tests").rglob("*.py") if file.relative_to(ROOT).parts[1] not in NOT_THE_APPS
    ]
    assert len(lines(tests)) <= 1.5 * len(lines(code))
