"""The JSON of `celery simulate`, against the schema in the package."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from celery_rehearsal.preflight.simulation_report import schema

from .simulate_shop import EACH_DAY, HOURLY, call, make_shop

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture
def check() -> Callable[[Any], None]:
    """A check against the schema."""
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator.check_schema(schema())
    return jsonschema.Draft202012Validator(schema()).validate  # type: ignore[no-any-return] # untyped


def report(*arguments: str, entries: Any = None) -> Any:
    """What the command prints."""
    done = call(make_shop({"sync": HOURLY} if entries is None else entries), *arguments, "--format", "json")
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--deploy-every", "12h", "--beat-disk", "lost"),
        ("--beats", "2"),
        ("--running-time", "shop.sync=90m", "--seed", "7"),
        ("--outage", "02:00-03:30", "--outage-of", "all", "--margin", "0"),
    ],
)
def test_each_report_follows_the_schema(arguments: tuple[str, ...], check: Callable[[Any], None]) -> None:
    """With and without troubles, and with an entry that never ran."""
    found = report("--days", "2", *arguments, entries={"sync": HOURLY, "clean": EACH_DAY})
    check(found)
    assert found["wrong"] is bool(arguments)


def test_report_without_entries_follows_the_schema(check: Callable[[Any], None]) -> None:
    """Nothing is required of beat."""
    check(report("--days", "1", entries={}))


@pytest.mark.parametrize(
    "change", [{"version": 2}, {"more": 1}, {"entries": [{}]}, {"from": "tomorrow"}, {"transport": "amqp"}]
)
def test_schema_refuses_what_the_report_never_is(change: dict[str, Any], check: Callable[[Any], None]) -> None:
    """A field more, a field less, or another value."""
    found = report("--days", "1")
    with pytest.raises(Exception, match=r".+"):
        check({**found, **change})
