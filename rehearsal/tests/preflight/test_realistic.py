"""Applications that are configured as public projects are, with many faults each, and their repaired twins."""

from __future__ import annotations

import json

import pytest

from .conftest import APPS
from .programs import preflight

REALISTIC = APPS / "realistic"
# A Django site with settings in layers and the database's scheduler, a factory with RedBeat, and a plain package with
# RabbitMQ, routes and a configuration of preflight.
PROJECTS = [
    pytest.param("museum", "museum", id="museum"),
    pytest.param("radio", "radio.worker", id="radio"),
    pytest.param("parcels", "parcels", id="parcels"),
]


@pytest.fixture(autouse=True)
def _packages() -> None:
    """What the Django site has in INSTALLED_APPS."""
    pytest.importorskip("django_celery_beat")


def found(project: str, app: str) -> list[str]:
    """The rule and the subject of each finding, in the order of the report. Every rule could be checked."""
    done = preflight(REALISTIC / project, app, "--format", "json")
    assert done.stderr == ""
    report = json.loads(done.stdout)
    assert report["unchecked"] == []
    kinds = ("entry", "task", "setting")
    return [
        " ".join([each["rule"], next(f"{kind} {each[kind]}" for kind in kinds if each[kind])])
        for each in report["findings"]
    ]


@pytest.mark.parametrize(("project", "app"), PROJECTS)
def test_exactly_the_planted_faults_are_found(project: str, app: str) -> None:
    """`expected.txt` next to the application lists them."""
    planted = (REALISTIC / f"{project}_fails" / "expected.txt").read_text("utf-8").splitlines()
    assert sorted(found(f"{project}_fails", app)) == sorted(planted)
    assert len(planted) >= 8


@pytest.mark.parametrize(("project", "app"), PROJECTS)
def test_nothing_is_found_in_the_repaired_twin(project: str, app: str) -> None:
    """The same application, with each fault repaired."""
    assert found(f"{project}_passes", app) == []
