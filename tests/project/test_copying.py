"""`python -m refunds copy`: what it copies, what it refuses, and what is left of a copy that was interrupted."""

import shutil
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from refunds.project.copying import sources
from refunds.project.copying.rooms import rooms

from .copies import TESTS, copy, start_project, tree


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project as startproject makes it."""
    return start_project(tmp_path_factory.mktemp("fresh") / "project")


@pytest.fixture
def target(fresh: Path, tmp_path: Path) -> Path:
    """A project of the test's own."""
    return shutil.copytree(fresh, tmp_path / "project")


def test_copy_has_the_core_every_room_and_the_tests(target: Path) -> None:
    """The copied files are those of the package without the default project, of the tests, and the licence."""
    before = tree(target)
    copy(target, "--label", "returns")
    after = tree(target)
    assert {name: after[name] for name in before} == before
    assert {"returns/models.py", "returns/LICENSE", "returns/py.typed", "tests/__init__.py"} <= set(after)
    assert {"tests/returns/settings.py", "tests/returns/day/test_day.py", "tests/returns/docs/admin.md"} <= set(after)
    assert all(f"returns/{room}/apps.py" in after for room in rooms())
    assert {f"returns/{at}locale/uk/LC_MESSAGES/django.mo" for at in ("", "remedies/")} <= set(after)
    assert not [
        name for name in after if name.startswith(("returns/project", "returns/__main__", "tests/returns/project"))
    ]
    assert sorted(path.name for path in target.iterdir()) == ["manage.py", "returns", "shop", "tests"]


def test_left_out_room_leaves_code_and_tests_out(target: Path) -> None:
    """A room that is left out is neither copied nor named in what is to be added, such as the queues."""
    printed = copy(target, "--label", "returns", "--without", "beat,worker", "--without", "importing")
    gone = ("beat", "worker", "importing")
    assert not [
        name
        for name in tree(target)
        if name.startswith(tuple(f"{at}returns/{room}" for room in gone for at in ("", "tests/")))
    ]
    assert '"returns.notices"' in printed
    assert "returns.beat" not in printed
    assert "returns.worker" not in printed
    # The kind of the queues is the project's, not the core's default.
    assert "core.queues([*core.TASK_QUEUES, *notices.TASK_QUEUES], REFUNDS_QUEUE_TYPE)" in printed


def test_printed_commands_are_in_the_order_in_which_they_work(target: Path) -> None:
    """After the lines to add: install and check the copy, install the kit and run the tests, start worker and beat."""
    printed = copy(target, "--label", "returns").partition("Then, in that folder:\n")[2]
    commands = [line.split() for line in printed.splitlines() if line.startswith("    ")]
    assert commands[0][:2] == ["pip", "install"]
    assert [" ".join(command) for command in commands[1:]] == [
        *("python manage.py check", "python manage.py makemigrations --check", "python manage.py migrate"),
        f"pip install '{TESTS.with_name('rehearsal')}[redis,hypothesis]' pytest-django",
        'python -m pytest --ds tests.returns.settings -m "not long" tests/returns',
        *("celery -A shop worker", "celery -A shop beat"),
    ]


def test_tests_go_into_the_project_s_package_of_tests(target: Path) -> None:
    """A package of tests that is there keeps its files and gets one folder more."""
    (target / "tests").mkdir()
    (target / "tests" / "__init__.py").write_text("# mine\n", "utf-8")
    copy(target, "--label", "returns")
    assert (target / "tests" / "__init__.py").read_text("utf-8") == "# mine\n"
    assert (target / "tests" / "returns" / "factories.py").is_file()


@pytest.mark.parametrize("tests", [True, False])
def test_dry_run_lists_the_files_and_writes_nothing(target: Path, tests: bool) -> None:
    """--dry-run prints one line per file that the copy would write. --without-tests leaves the tests out."""
    before = tree(target)
    listed = copy(target, "--label", "returns", "--dry-run", tests=tests).splitlines()
    assert tree(target) == before
    assert ("python -m pytest" in copy(target, "--label", "returns", tests=tests)) is tests
    assert listed == sorted(set(tree(target)) - set(before))
    assert (target / "tests").exists() is tests


REFUSED = {
    "no identifier": (["--label", "my-returns"], "--label 'my-returns': choose a lower-case Python identifier"),
    "capitals": (["--label", "Returns"], "--label 'Returns': choose a lower-case Python identifier"),
    "a keyword": (["--label", "return"], "--label 'return': choose a lower-case Python identifier that is no keyword"),
    "too long": (["--label", "r" * 24], "choose at most 23 characters"),
    "a folder of the project": (["--label", "shop"], "/shop exists, and nothing is overwritten"),
    "manage": (["--label", "manage"], "/manage.py exists, and nothing is overwritten"),
    "the folder of tests": (["--label", "tests"], "--label 'tests': a module or app of this name exists already"),
    "a standard module": (["--label", "email"], "--label 'email': a module or app of this name exists already"),
    "an installed module": (["--label", "celery"], "--label 'celery': a module or app of this name exists already"),
    "an app of Django": (["--label", "admin"], "--label 'admin': a module or app of this name exists already"),
    "an unknown room": (["--without", "attic"], "there is no room 'attic' to leave out: the rooms are beat, "),
    "the default project": (["--without", "project"], "there is no room 'project' to leave out"),
    "a needed room": (["--without", "tracking"], "stripe needs tracking: keep tracking, or leave out stripe too"),
    "an unknown zone": (["--zone", "Europe/Atlantis"], "--zone 'Europe/Atlantis': there is no such time zone"),
    "a path as zone": (["--zone", "../etc/passwd"], "--zone '../etc/passwd': there is no such time zone"),
    "no time": (["--cutoff", "24:00"], "--cutoff '24:00': write hours and minutes from 00:00 to 23:59"),
    "one digit": (["--cutoff", "9:00"], "--cutoff '9:00': write hours and minutes"),
    "seconds": (["--cutoff", "17:00:30"], "--cutoff '17:00:30': write hours and minutes"),
    "a skipped hour": (["--cutoff", "02:30", "--zone", "Europe/Berlin"], "does not exist in Europe/Berlin on "),
    "a skipped midnight": (["--cutoff", "00:30", "--zone", "Africa/Cairo"], "does not exist in Africa/Cairo on "),
    "a doubled hour": (["--cutoff", "01:30", "--zone", "America/New_York"], "comes twice in America/New_York on "),
}


@pytest.mark.parametrize(("arguments", "line"), [pytest.param(*case, id=name) for name, case in REFUSED.items()])
def test_bad_words_are_refused_before_anything_is_written(target: Path, arguments: list[str], line: str) -> None:
    """Each refusal is one line that names the word and what to do."""
    before = tree(target)
    with pytest.raises(CommandError) as refused:
        copy(target, *([] if "--label" in arguments else ["--label", "returns"]), *arguments)
    assert line in str(refused.value)
    assert "\n" not in str(refused.value)
    assert tree(target) == before


@pytest.mark.parametrize(
    ("manage", "line"),
    [
        ("", r"sets no DJANGO_SETTINGS_MODULE such as shop\.settings: set it as startproject does"),
        (None, r"has no manage\.py: name the folder of a Django project's manage\.py"),
    ],
)
def test_folder_that_is_no_project_is_refused(tmp_path: Path, manage: str | None, line: str) -> None:
    """The command cannot say what to add to settings that it does not find."""
    if manage is not None:
        (tmp_path / "manage.py").write_text(manage, "utf-8")
    before = tree(tmp_path)
    with pytest.raises(CommandError, match=line):
        copy(tmp_path, "--label", "returns")
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    ("folder", "line"),
    [("returns", 'name = "shop.returns"'), ("sending_back", 'label = "returns"'), ("back", 'label: Final = "returns"')],
)
def test_label_of_an_app_of_the_project_is_refused(target: Path, folder: str, line: str) -> None:
    """Django takes each label once. An app below the project's folder has its label by its name or by its config."""
    app = target / "shop" / folder
    app.mkdir()
    (app / "apps.py").write_text(f"class ReturnsConfig(AppConfig):\n    {line}\n", "utf-8")
    before = tree(target)
    with pytest.raises(CommandError, match=rf"--label 'returns': the app in .*/shop/{folder} has this label: choose"):
        copy(target, "--label", "returns")
    assert tree(target) == before


@pytest.mark.parametrize(
    ("there", "line"),
    [
        ("returns/mine.py", "/returns exists, and nothing is overwritten"),
        ("returns.py", "/returns.py exists, and nothing is overwritten"),
        ("tests/returns/mine.py", "/tests/returns exists, and nothing is overwritten"),
        ("tests.py", "/tests.py is a module, and the copied tests need a package"),
        ("tests/test_mine.py", "/tests is no package: add an empty __init__.py"),
    ],
)
def test_nothing_is_overwritten(target: Path, there: str, line: str) -> None:
    """A file in the place of a copied one is named, and nothing is written."""
    (target / there).parent.mkdir(parents=True, exist_ok=True)
    (target / there).write_text("mine = True\n", "utf-8")
    before = tree(target)
    with pytest.raises(CommandError) as refused:
        copy(target, "--label", "returns")
    assert line in str(refused.value)
    assert tree(target) == before


def test_tests_are_those_of_a_clone(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--tests takes no other folder. Outside a clone the tests are not left out in silence."""
    with pytest.raises(CommandError, match=r"has no factories\.py: name the tests folder of a clone"):
        copy(target, "--label", "returns", "--tests", str(target))
    monkeypatch.setattr(sources, "CLONE", target / "nowhere" / "pyproject.toml")
    with pytest.raises(CommandError, match="the tests are not part of the installed package: name the tests folder"):
        call_command("copy", str(target), "--label", "returns")
