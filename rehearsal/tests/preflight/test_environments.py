"""What `--against` takes for a requirement, and which options it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from celery_rehearsal.preflight.environments import environment, requirement, tail
from celery_rehearsal.preflight.errors import CannotCheckError
from celery_rehearsal.preflight.preflight_command import preflight as command
from click.testing import CliRunner


@pytest.mark.parametrize("wanted", ["main", "HEAD~3", "v1.0", "feature/x"])
def test_revision_is_no_requirement(wanted: str) -> None:
    """It has no operator of a requirement."""
    assert requirement(wanted) is None


def test_requirement_names_one_release() -> None:
    """With extras, where it has them."""
    found = requirement("celery[redis]==5.6.3")
    assert found is not None
    assert (found.name, str(found.specifier), found.extras) == ("celery", "==5.6.3", {"redis"})


@pytest.mark.parametrize("wanted", ["celery>=5.6", "celery==5.6.*", "celery==5.6,!=5.6.1", "celery~=5.6", "==5.6"])
def test_requirement_of_several_releases_is_refused(wanted: str) -> None:
    """There is one other side."""
    with pytest.raises(CannotCheckError, match="write "):
        requirement(wanted)


def test_tzdata_is_read_instead_of_the_systems_zones(tmp_path: Path) -> None:
    """Python prefers the system's."""
    wanted = requirement("tzdata==2025.2")
    assert wanted is not None
    assert environment(wanted, tmp_path, "python3").zones == ""


def test_python_that_is_no_program_is_refused(tmp_path: Path) -> None:
    """The message names the option."""
    wanted = requirement("celery==5.6.3")
    assert wanted is not None
    with pytest.raises(CannotCheckError, match=r"--python .*gone is no program"):
        environment(wanted, tmp_path, str(tmp_path / "gone"))


def test_tail_is_the_end_of_an_output() -> None:
    """The last lines say what failed."""
    assert tail("\n".join(map(str, range(100)))).splitlines()[-1] == "    99"
    assert len(tail("\n".join(map(str, range(100)))).splitlines()) == 15


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--against", "HEAD", "--format", "sarif"), "--against has the formats full, concise, github, json"),
        (("--against", "HEAD", "--python", "python3"), "--python is for --against name==version"),
        (("--against", "HEAD", "--known", "gone.txt"), "--known gone.txt is no file"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: tuple[str, ...], message: str) -> None:
    """Before anything is started."""
    done = CliRunner().invoke(command, options)
    assert done.exit_code == 2
    assert message in done.output
