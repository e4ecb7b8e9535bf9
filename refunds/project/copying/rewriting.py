"""Rewrite a copied file: change the name of the package and app, and the cutoff."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import time
from pathlib import PurePosixPath
from zoneinfo import ZoneInfo

from .errors import CannotCopy
from .rooms import rooms
from .sources import NAME, PACKAGE, below

# All other files are data, such as files of returns, and are copied unchanged.
REWRITTEN = frozenset({".py", ".html", ".md"})


@dataclass(frozen=True)
class Cutoff:
    """Hold the cutoff of the copy. None keeps the zone or the time of the source."""

    zone: ZoneInfo | None = None
    at: time | None = None

    def rewrite(self, text: str) -> str:
        """Return domain/cutoff.py with the constants of this cutoff."""
        if self.zone is not None:
            city = self.zone.key.rpartition("/")[2].replace("_", " ")
            text = _constant("ZONE", f'ZoneInfo("{self.zone.key}")', text)
            text = _constant("CITY", f'"{city}"', text)
        if self.at is not None:
            text = _constant("TIME", f"time({self.at.hour}, {self.at.minute})", text)
        return text


def _constant(name: str, value: str, text: str) -> str:
    return re.sub(rf"^{name}: Final = .*$", lambda _: f"{name}: Final = {value}", text, flags=re.MULTILINE)


class Rewriter:
    """Rewrites files for a copy under `label`. `tests` names the modules of tests that are copied too."""

    def __init__(self, label: str, cutoff: Cutoff, tests: Collection[str] = ()) -> None:
        self.label = label
        self._cutoff = cutoff
        self._rules = _rules(label) + (_rules_of_tests(label, tests) if tests else [])

    def path(self, path: PurePosixPath) -> PurePosixPath:
        """Return a file's path in the copy: folders of templates and static files are named after the label."""
        if not {"templates", "static"} & set(path.parts):
            return path
        return PurePosixPath(*(re.sub(rf"^{NAME}(?=_|$)", self.label, part) for part in path.parts))

    def text(self, text: str) -> str:
        """Return a text with the names of the copy."""
        for pattern, replacement in self._rules:
            text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
        return text

    def content(self, path: PurePosixPath, content: bytes) -> bytes:
        """Return the content of a file in the copy; `path` is in the package or in the tests."""
        if path.suffix not in REWRITTEN:
            return content
        text = self.text(content.decode("utf-8"))
        if path == PurePosixPath("apps.py"):
            text, count = re.subn(rf'^LABEL: Final = "{NAME}"$', f'LABEL: Final = "{self.label}"', text, flags=re.M)
            if count != 1:
                raise CannotCopy(f"{NAME}/apps.py has no line LABEL: Final = {NAME!r}: take the file of a release")
        if path == PurePosixPath("domain/cutoff.py"):
            text = self._cutoff.rewrite(text)
        return text.encode("utf-8")


def _rules(label: str) -> list[tuple[str, str]]:
    """Return patterns and replacements. "refunds" is also a plain word, so each rule matches more than the name."""
    modules = {path.name.removesuffix(".py") for path in PACKAGE.iterdir() if path.name[0] not in "._"}
    return [
        # Dotted names of modules, tasks and keys, in imports, texts and comments; in a pattern, the dot is escaped.
        (rf"(?<![\w./]){NAME}(?=\\?\.{_any(modules | _named())}\b)", label),
        (rf"^(\s*)from {NAME} import\b", rf"\1from {label} import"),
        # Literals that begin with the label: names of tasks, checks, models, tables and files; in pages, in backticks.
        (rf"(?<=[\"'`]){NAME}(?=[./]\w|[._][{{\"'`])", label),
        (rf"(?<=[\"'/]admin/){NAME}(?=/)", label),
        # Names of tables, of rooms' labels and of admin pages, anywhere.
        (rf"(?<![A-Za-z_]){NAME}_(?={_any(_tables())}(?![a-z]))", f"{label}_"),
        # Dependencies and targets of migrations.
        (rf"(?<=\(\"){NAME}(?=\", (?:None\b|\"\d{{4}}_))", label),
        # How to run a command.
        (rf"\bpython -m {NAME}\b", "python manage.py"),
    ]


def _rules_of_tests(label: str, modules: Collection[str]) -> list[tuple[str, str]]:
    return [
        # In a pattern, the dot is escaped; in a page, a folder of tests has a slash.
        (rf"(?<![\w./])tests(\\?\.|/)(?={_any(modules)}\b)", rf"tests\1{label}\1"),
        # The pages that tests read are copied with the tests.
        (r"\bparents\[2\] / \"docs\"", 'parents[1] / "docs"'),
        (rf"(?<![\w./])docs/(?={_any({'admin', *rooms()})}\.md)", f"tests/{label}/docs/"),
    ]


def _any(names: Collection[str]) -> str:
    return f"(?:{'|'.join(map(re.escape, sorted(names)))})"


def _named() -> set[str]:
    """Return the names of tasks and keys without their label, as the modules that use them define them."""
    modules = (file for file in below(PACKAGE) if file.suffix == ".py")
    return {name for file in modules for name in re.findall(r'f"\{LABEL\}\.([a-z_-]+)"', file.read_text("utf-8"))}


def _tables() -> set[str]:
    """Return what follows `LABEL_` in names of tables, by the migrations, and in labels of rooms."""
    models = {
        name.lower()
        for file in below(PACKAGE)
        if file.parent.name == "migrations"
        for name in re.findall(r'CreateModel\(\s*name="(\w+)"', file.read_text("utf-8"))
    }
    return models | set(rooms())
