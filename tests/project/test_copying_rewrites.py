"""What differs between a file and its copy: the name of the package and app, and the cutoff. Nothing else does."""

from datetime import time
from pathlib import PurePosixPath
from zoneinfo import ZoneInfo

import pytest

from refunds.domain import cutoff
from refunds.project.copying.rewriting import Cutoff, Rewriter
from refunds.project.copying.sources import PACKAGE

SAME = {
    "a plural": "refunds = Refund.objects.filter(pk__in=ids); refunds.filter(status=1); self.refunds.tasks",
    "a related name": 'related_name="refunds"',
    "a sentence": '"Can try failed refunds again. The refunds."',
    "another package": "import my_refunds.models; import refundsx.models",
    "a setting": "REFUNDS_GATEWAY",
    "an address": "https://docs.stripe.com/api/refunds/object",
    "a key": 'dict.fromkeys(("refunds", "notices")); (("refunds", lines), ("requests", lines))',
    "a field of Stripe": '"refunds": []',
    "a signal": "signals.refunds_settled.connect(receive)",
    "a signal by its name": 'monkeypatch.setattr(signals, "refunds_settled", Signal())',
    "an extra of the package": "(`refunds[solar]`)",
    "tests that are not copied": "`tests/chaos/hostile`",
    "a page that is not copied": "docs/adr/0004-chunks.md, docs/serve.md",
    "a variable": "refunds_of_sweep",
}
REWRITTEN = {
    "an import": ("import refunds.models", "import returns.models"),
    "an import from a module": ("    from refunds.domain import cutoff", "    from returns.domain import cutoff"),
    "an import from the package": ("from refunds import queries", "from returns import queries"),
    "a dotted string": ('"refunds.domain.sweeps.CHUNK_ROWS"', '"returns.domain.sweeps.CHUNK_ROWS"'),
    "a module in prose": ("see refunds.operations.", "see returns.operations."),
    "a task": ('"refunds.pay_refund"', '"returns.pay_refund"'),
    "a task in prose": ('"Task refunds.pay_refund failed"', '"Task returns.pay_refund failed"'),
    "a pattern": (r'match=r"Task refunds\.pay_refund"', r'match=r"Task returns\.pay_refund"'),
    "a pattern of tests": (r'r"tests\.operations\.payers"', r'r"tests\.returns\.operations\.payers"'),
    "a check in a page": ("(`refunds.E001`)", "(`returns.E001`)"),
    "a folder in a page": ("`refunds/notices/` is the room", "`returns/notices/` is the room"),
    "a prefix in a page": ("those of `refunds.`;", "those of `returns.`;"),
    "a key in a command": ("redis-cli llen refunds.dead-letters", "redis-cli llen returns.dead-letters"),
    "a check": ('"refunds.E001"', '"returns.E001"'),
    "a beginning": ('name.startswith("refunds.")', 'name.startswith("returns.")'),
    "a model": ('to="refunds.returnrequest"', 'to="returns.returnrequest"'),
    "a table": ('TABLE = "refunds_returnrequest"', 'TABLE = "returns_returnrequest"'),
    "tables": ("FROM refunds_refund, refunds_sweep", "FROM returns_refund, returns_sweep"),
    "a formatted table": ("""f'FROM "refunds_{model}"'""", """f'FROM "returns_{model}"'"""),
    "a room's table": ("refunds_notices_optout", "returns_notices_optout"),
    "a dependency": ('("refunds", "0001_initial")', '("returns", "0001_initial")'),
    "a room's dependency": ('("refunds_notices", "0001_initial")', '("returns_notices", "0001_initial")'),
    "an admin page's name": (
        "{% url 'admin:refunds_refund_changelist' %}",
        "{% url 'admin:returns_refund_changelist' %}",
    ),
    "an admin page": ('"/admin/refunds/refund/"', '"/admin/returns/refund/"'),
    "a template": ('{% extends "admin/refunds/page.html" %}', '{% extends "admin/returns/page.html" %}'),
    "a static file": ("{% static 'refunds/page.css' %}", "{% static 'returns/page.css' %}"),
    "a target of migrations": ('[("refunds", None)]', '[("returns", None)]'),
    "a command": ("run: python -m refunds decline_all", "run: python manage.py decline_all"),
    "a page of the docs": ('Path(__file__).parents[2] / "docs"', 'Path(__file__).parents[1] / "docs"'),
    "a folder of tests in a page": ("`tests/operations` reads it", "`tests/returns/operations` reads it"),
    "the name of a page": ("docs/worker.md says where", "tests/returns/docs/worker.md says where"),
    "tests": ('"tests.operations.payers.Scripted"', '"tests.returns.operations.payers.Scripted"'),
}


CASES = REWRITTEN | {name: (text, text) for name, text in SAME.items()}


def rewriter(asked: Cutoff | None = None) -> Rewriter:
    return Rewriter("returns", asked or Cutoff(), ["factories", "operations"])


@pytest.mark.parametrize(("text", "copied"), CASES.values(), ids=CASES)
def test_names_of_package_and_app_are_rewritten_and_other_words_stay(text: str, copied: str) -> None:
    """Each place that names the package or the app names the copy's. Everything else is copied as it is."""
    assert rewriter().content(PurePosixPath("any.py"), text.encode()).decode() == copied


def test_copy_under_the_same_label_is_the_same() -> None:
    """The rules rename; the only other change is the way to run a command."""
    same = Rewriter("refunds", Cutoff())
    for file in PACKAGE.rglob("*.py"):
        path = PurePosixPath(file.relative_to(PACKAGE).as_posix())
        expected = file.read_bytes().replace(b"python -m refunds", b"python manage.py")
        assert same.content(path, file.read_bytes()) == expected


def run(file: str, asked: Cutoff | None = None) -> dict[str, object]:
    """Run the copy of a module of the package, and return its names."""
    package = ".".join(["refunds", *PurePosixPath(file).parts[:-1]])
    names: dict[str, object] = {"__name__": f"{package}.any", "__package__": package}
    exec(rewriter(asked).content(PurePosixPath(file), (PACKAGE / file).read_bytes()), names)
    return names


def test_label_of_the_copy_is_in_its_apps() -> None:
    """A copy names its label in one place."""
    assert run("apps.py")["LABEL"] == "returns"


@pytest.mark.parametrize("zone", [None, ZoneInfo("America/St_Johns")])
@pytest.mark.parametrize("at", [None, time(0, 5)])
def test_cutoff_of_the_copy_is_in_domain_cutoff(zone: ZoneInfo | None, at: time | None) -> None:
    """The copied domain/cutoff.py has the zone and the time that the command was given, or the original's."""
    names = run("domain/cutoff.py", Cutoff(zone, at))
    assert (names["ZONE"], names["TIME"]) == (zone or cutoff.ZONE, at or cutoff.TIME)


def test_city_of_the_copy_is_the_zone_s() -> None:
    """Pages name the cutoff by the last part of the zone's name."""
    text = Cutoff(ZoneInfo("America/St_Johns")).rewrite('CITY: Final = "London"\n')
    assert text == 'CITY: Final = "St Johns"\n'


def test_folders_of_templates_and_static_files_have_the_label() -> None:
    """Django finds templates and static files by the label; modules keep their names."""
    paths = {
        "templates/admin/refunds/page.html": "templates/admin/returns/page.html",
        "notices/templates/refunds_notices/opt_out.html": "notices/templates/returns_notices/opt_out.html",
        "static/refunds/page.css": "static/returns/page.css",
        "domain/refunds.py": "domain/refunds.py",
    }
    for path, copied in paths.items():
        assert rewriter().path(PurePosixPath(path)) == PurePosixPath(copied)


def test_data_is_copied_byte_by_byte() -> None:
    """A file of returns may hold any bytes and any words."""
    content = b'\xff"refunds.pay_refund"'
    assert rewriter().content(PurePosixPath("tests/importing/samples/any.csv"), content) == content
