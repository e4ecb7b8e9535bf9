"""Applications with a fault that a simulation proves, and a run of the tests that are printed for them."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import celery_rehearsal
from celery_rehearsal.preflight.check import check

from .conftest import APPS

if TYPE_CHECKING:
    from collections.abc import Callable

    from celery_rehearsal.preflight.findings import Finding
    from celery_rehearsal.preflight.loaded import LoadedApp

DEFAULT = 'broker="redis://redis.example/0")\n'
REDELIVERS = DEFAULT + 'app.conf.broker_transport_options = {"visibility_timeout": 10800}\n'
EVERY_15 = 'crontab(minute="*/15")}'
EXPIRES = 'crontab(minute="*/15"), "options": {"expires": 900}}'
# Applications with a fault that is proven, and what repairs them: the rule's `passes.py` without a replacement.
CASES: dict[str, tuple[str, str] | None] = {
    "R001/no_jitter": ("max_retries=6", "max_retries=5"),
    "R002/fails": None,
    "R003/fails": None,
    "R006/fails": None,
    "R007/fails": ("max_retries=4", "max_retries=6, retry_jitter=False"),
    "R008/attempts": ("7200", "60"),
    "R008/entry": ("7200", "60"),
    "R008/fails": None,
    "R009/declared": (DEFAULT, REDELIVERS),
    "S001/fails": None,
    "S002/fails": None,
    "S003/fails": None,
    "S005/fails": None,
    "S016/seconds": ("-60", "60"),
    "S017/fails": None,
    "S018/fails": None,
    "S019/fails": None,
    "S019/outage": (EVERY_15, EXPIRES),
    "S020/fails": None,
    "S021/fails": None,
}
NEED_REDIS = {"R008", "R009"}
# What these say is no fault: their tests pass, until what they say changes.
STATES = {"S021"}


@dataclass(frozen=True)
class Case:
    """A loaded application and what is proven of it."""

    rule: str
    loaded: LoadedApp
    source: str
    repaired: str
    findings: list[Finding]


def load_case(name: str, opened: Callable[..., LoadedApp], module: str) -> Case:
    """Load an application of `apps` and check it."""
    rule, _, stem = name.partition("/")
    folder = APPS / rule
    source, replacement = (folder / f"{stem}.py").read_text("utf-8"), CASES[name]
    repaired = source.replace(*replacement) if replacement else (folder / "passes.py").read_text("utf-8")
    assert repaired != source
    table = folder / f"{stem}.toml"
    configuration = table.read_text("utf-8").replace("preflight_app_0", module) if table.exists() else ""
    loaded = opened(source, configuration)
    return Case(rule, loaded, source, repaired, [each for each in check(loaded).findings if each.rule == rule])


def run_tests(folder: Path) -> dict[str, str]:
    """Run every test below a folder in a process of its own. Return why each failed, or nothing, by file."""
    report = folder / "report.xml"
    kit = str(Path(celery_rehearsal.__file__).parents[1])
    unwanted = ("PYTEST", "DJANGO", "COV", "CELERY")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [kit, os.environ.get("PYTHONPATH", "")]))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio"]
    options = [f"--rootdir={folder}", "-c", os.devnull, f"--junitxml={report}", str(folder)]
    done = subprocess.run(command + options, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    found: dict[str, str] = {}
    for case in ET.parse(report).iter("testcase"):
        assert case.find("error") is None, case
        failure = case.find("failure")
        found[case.attrib["classname"].rpartition(".")[2]] = "" if failure is None else failure.attrib["message"]
    return found
