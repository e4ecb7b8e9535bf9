"""What the documents say runs: from the package, and from a copy of its folder."""

from __future__ import annotations

import inspect
import re
import shutil
from pathlib import Path

import celery_rehearsal
import pytest
from celery_rehearsal import extras, limits

from .pages import FOLDER, PAGES, ROOT, blocks, files, missing, process, pytest_in, run, write

README = (ROOT / "README.md").read_text("utf-8")
REFERENCE = (ROOT / "docs" / "reference.md").read_text("utf-8")
FIRST_TEST = (ROOT / "docs" / "first-test.md").read_text("utf-8")

# The pages' apps are on Redis, and the reference has a state machine.
needs_extras = pytest.mark.skipif(
    any(map(extras.missing, extras.EXTRAS)), reason="the pages' examples need the extras redis and hypothesis"
)

# Not skipped but left out: where a package is not installed there is nothing to test.
RUNNING = [
    page
    for page in PAGES
    if page.name != "README.md"
    and page.parent.name != "preflight"  # tests/preflight runs the commands of these pages
    and blocks(page.read_text("utf-8"), "python")
    and not missing(page.read_text("utf-8"))
]


def shown(document: str) -> list[str]:
    """The lines of output that the page shows."""
    return [line.rstrip() for block in blocks(document, "text") for line in block.splitlines() if line.strip() != "..."]


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A folder with a copy of the kit in it, named otherwise, and nothing else of this project."""
    shutil.copytree(FOLDER, tmp_path / "vendored_kit", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@needs_extras
@pytest.mark.parametrize("page", RUNNING, ids=lambda page: str(page.relative_to(ROOT)))
def test_page_runs(page: Path, tmp_path: Path) -> None:
    """The page's files run, as a script or as tests, and print what the page shows."""
    document = page.read_text("utf-8")
    made = files(document)
    write(made, tmp_path)
    printed = ""
    if "page.py" in made:
        printed += run(["page.py"], tmp_path, path=[FOLDER.parent])
    if any(name.startswith("test_") for name in made):
        printed += run(pytest_in(tmp_path), tmp_path, path=[tmp_path, FOLDER.parent])
    lines = [line.rstrip() for line in printed.splitlines()]
    assert [line for line in shown(document) if line not in lines] == []


@needs_extras
def test_readme_shows_a_failure_and_its_repair(tmp_path: Path) -> None:
    """Its test fails with the timeline that the page shows, and passes with the setting that the page adds last."""
    *before, repair = blocks(README, "python")
    document = "".join(f"```python\n{block}```\n" for block in before)
    write(files(document), tmp_path)
    finished = process(pytest_in(tmp_path), tmp_path, path=[tmp_path, FOLDER.parent])
    assert "1 failed" in finished.stdout, finished.stdout + finished.stderr
    lines = [line.rstrip() for line in finished.stdout.splitlines()]
    assert [line for line in shown(README) if line not in lines] == []
    write(files(f"{document}```python\n{repair}```\n"), tmp_path)
    assert "1 passed" in run(pytest_in(tmp_path), tmp_path, path=[tmp_path, FOLDER.parent])


def test_readme_is_short() -> None:
    """A stranger reads all of it."""
    assert len(README.splitlines()) <= 150


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_page_has_at_most_300_lines(page: Path) -> None:
    """A page that grows beyond this is two pages."""
    assert len(page.read_text("utf-8").splitlines()) <= 300


def test_readme_leads_to_each_page() -> None:
    """The map of the README has each page but the decisions and those of preflight, which have a map of their own."""
    how = (ROOT / "docs" / "how-it-works.md").read_text("utf-8")
    for page in PAGES:
        name = page.relative_to(ROOT).as_posix()
        if "adr" in page.parts:
            assert f"(adr/{page.name})" in how
        elif page.parent.name == "preflight" and page.name != "index.md":
            assert f"({page.name}" in (ROOT / "docs" / "preflight" / "index.md").read_text("utf-8")
        elif page.name != "README.md":
            assert f"({name})" in README


def test_guide_for_assistants_has_two_names() -> None:
    """AGENTS.md and SKILL.md are one guide, because tools look for one name or the other."""
    assert (ROOT / "AGENTS.md").read_bytes() == (ROOT / "SKILL.md").read_bytes()


@needs_extras
def test_reference_runs_on_a_copy(copied: Path) -> None:
    """A copied folder under another name runs it too; it imports nothing of this repository."""
    code = files(REFERENCE)["page.py"].replace("celery_rehearsal", "vendored_kit")
    others = '("refunds", "celery_rehearsal")'
    check = f'import sys\nassert not [name for name in sys.modules if name.split(".")[0] in {others}]'
    (copied / "readme.py").write_text(f"{code}\n{check}\n")
    run(["readme.py"], copied, path=[copied])


@needs_extras
def test_first_test_runs_on_a_copy(tmp_path: Path, copied: Path) -> None:
    """Its conftest.py and test pass with a copy of the plugin."""
    write(files(FIRST_TEST), tmp_path)
    options = pytest_in(tmp_path, "-p", "no:celery_rehearsal.plugin", plugin="vendored_kit.plugin")
    assert " passed" in run(options, tmp_path, path=[tmp_path, copied])


def test_the_table_of_what_is_not_simulated() -> None:
    """The page shows the very table that is enforced."""
    assert limits.as_markdown() in (ROOT / "docs" / "limits.md").read_text("utf-8")


def test_the_table_of_arguments() -> None:
    """The reference has each argument of VirtualCelery once, in the order of the signature, with its default."""
    table = REFERENCE.partition("| argument | ")[2].partition("\n\n")[0]
    rows = [line.split(" | ") for line in table.splitlines()[2:]]
    found = [(name, row[-1].strip("| `")) for row in rows for name in re.findall(r"`(\w+)`", row[0])]
    parameters = inspect.signature(celery_rehearsal.VirtualCelery).parameters.values()
    named = [p for p in parameters if p.kind is not p.VAR_KEYWORD]
    assert found == [(p.name, "" if p.default is p.empty else repr(p.default)) for p in named]
