"""Plan the files of a copy: their sources, their content and their places."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from .errors import CannotCopy
from .rewriting import Cutoff, Rewriter
from .rooms import rooms
from .sources import CORE_TESTS, NEVER, PACKAGE, below, imported, licence

# The folder of data files for the tests of several rooms.
DATA: Final = "data"
# tests/LABEL/settings.py: it overrides the project's settings for the copied tests.
TESTS_SETTINGS: Final = '''"""The project's settings for the copied tests: no server, no real mail, no real payment."""

from {settings} import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast; guards nothing here
CELERY_BROKER_URL = "memory://"
CELERY_RESULT_BACKEND = "cache+memory://"
CELERY_BEAT_SCHEDULER = "celery.beat:PersistentScheduler"  # the database has no rows of a schedule
REFUNDS_GATEWAY = "wallet"
'''


@dataclass(frozen=True)
class Plan:
    """Say what to copy into the project in the folder `target`. `tests` is the tests' folder; None copies no tests."""

    target: Path
    label: str
    rooms: Sequence[str]
    cutoff: Cutoff
    settings: str
    tests: Path | None

    def files(self) -> dict[PurePosixPath, bytes]:
        """Return the content of each file, by its path in the project's folder. Raises CannotCopy."""
        roots = [] if self.tests is None else list(_tests(self.tests, self.rooms))
        modules = [root.name.removesuffix(".py") for root in roots]
        rewriter = Rewriter(self.label, self.cutoff, modules)
        found: dict[PurePosixPath, bytes] = {}
        for path, content in _read(PACKAGE, _package(self.rooms)):
            found[self.label / rewriter.path(path)] = rewriter.content(path, content)
        if text := licence():
            found[PurePosixPath(self.label, "LICENSE")] = text.read_bytes()
        if self.tests is None:
            return found
        own = PurePosixPath("tests", self.label)
        for path, content in _read(self.tests, roots):
            found[own / path] = rewriter.content("tests" / path, content)
        docs = self.tests.with_name("docs")
        for path, content in _read(docs, [docs / f"{page}.md" for page in ("admin", *self.rooms)]):
            found[own / "docs" / path] = rewriter.content("docs" / path, content)
        found[own / "settings.py"] = TESTS_SETTINGS.format(settings=self.settings).encode("utf-8")
        if not (self.target / "tests").exists():
            found[PurePosixPath("tests", "__init__.py")] = b""
        return found

    def refuse(self) -> None:
        """Raise CannotCopy if the tests would overwrite something, or if `tests` cannot be their package."""
        if self.tests is None:
            return
        outer = self.target / "tests"
        inner = outer / self.label
        if inner.exists():
            raise CannotCopy(f"{inner} exists, and nothing is overwritten: move it away, or use --without-tests")
        if (self.target / "tests.py").exists():
            raise CannotCopy(f"{outer}.py is a module, and the copied tests need a package: use --without-tests")
        if outer.exists() and not (outer / "__init__.py").is_file():
            raise CannotCopy(f"{outer} is no package: add an empty __init__.py to it, or use --without-tests")


def _package(wanted: Sequence[str]) -> Iterator[Path]:
    left = NEVER | (set(rooms()) - set(wanted))
    return (path for path in sorted(PACKAGE.iterdir()) if path.name not in left)


def _tests(folder: Path, wanted: Sequence[str]) -> Iterator[Path]:
    """Yield the folders of the core's and the rooms' tests, and the modules next to them that they import."""
    queue = [folder / name for name in (*CORE_TESTS, *wanted)]
    seen: set[Path] = set()
    while queue:
        root = queue.pop()
        if root in seen or not root.exists():
            continue
        seen.add(root)
        yield root
        names = (name for file in below(root) if file.suffix == ".py" for name in imported(file, folder))
        for top in {name.partition(".")[0] for name in names}:
            queue.append(folder / (top if top == DATA else f"{top}.py"))


def _read(folder: Path, roots: Sequence[Path] | Iterator[Path]) -> Iterator[tuple[PurePosixPath, bytes]]:
    for root in roots:
        for file in below(root) if root.exists() else ():
            yield PurePosixPath(file.relative_to(folder).as_posix()), file.read_bytes()
