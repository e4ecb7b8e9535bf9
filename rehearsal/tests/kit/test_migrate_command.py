"""The command `celery-rehearsal migrate`: what it prints, writes, refuses and returns."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest
from celery_rehearsal import cli

pytest.importorskip("libcst", reason="the extra migrate is not installed")

import libcst as cst
from celery_rehearsal import migrate_file

if TYPE_CHECKING:
    from collections.abc import Callable

EAGER = b"""\
import pytest
from shop.tasks import note


def test_it(settings):
    settings.CELERY_TASK_ALWAYS_EAGER = True  # as ever
    note.delay()
"""
NEW = b"""\
import pytest
from shop.tasks import note


@pytest.mark.virtual_celery(beats=0)
def test_it(virtual_celery):
    # as ever
    note.delay()
    virtual_celery.run_until_idle()
"""
BY_HAND = b"from shop.tasks import note\n\n\ndef test_it():\n    assert note.apply().get() == 1\n"
BAD = cst.Module([cst.SimpleStatementLine([cst.Expr(cst.Name("class"))])])
REASON = "uses the return value of apply(): a result backend is needed"
SHOWN = """\
--- a/{path}
+++ b/{path}
@@ -2,6 +2,8 @@
 from shop.tasks import note
{blank}
{blank}
-def test_it(settings):
-    settings.CELERY_TASK_ALWAYS_EAGER = True  # as ever
+@pytest.mark.virtual_celery(beats=0)
+def test_it(virtual_celery):
+    # as ever
     note.delay()
+    virtual_celery.run_until_idle()
"""

Make: TypeAlias = "Callable[[bytes], Path]"


@pytest.fixture
def file(tmp_path: Path) -> Make:
    """A function that makes a file of tests."""

    def make(text: bytes) -> Path:
        path = tmp_path / f"test_{len(list(tmp_path.iterdir()))}.py"
        path.write_bytes(text)
        return path

    return make


def migrate(*paths: Path, write: bool = True) -> int:
    """The exit status of the command."""
    return cli.main(["migrate", *(["--write"] if write else []), *map(str, paths)])


def test_without_write_nothing_changes(file: Make, capsys: pytest.CaptureFixture[str]) -> None:
    """The command prints a diff and the list, and leaves the files as they are."""
    path, other = file(EAGER), file(BY_HAND)
    assert migrate(path, other, write=False) == 1
    assert capsys.readouterr() == (f"{SHOWN.format(path=path, blank=' ')}{other}:5: {REASON}\n", "")
    assert (path.read_bytes(), other.read_bytes()) == (EAGER, BY_HAND)


def test_write_changes_the_files(file: Make, capsys: pytest.CaptureFixture[str]) -> None:
    """With --write it says which files it wrote; a second run has nothing to do."""
    path = file(EAGER)
    assert migrate(path) == 0
    assert capsys.readouterr() == (f"{path}: rewritten\n", "")
    assert path.read_bytes() == NEW
    assert migrate(path) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    "text",
    [
        EAGER.replace(b"\n", b"\r\n"),
        EAGER.rstrip(b"\n"),
        "# -*- coding: cp1252 -*-\n# caf\xe9\n".encode("cp1252") + EAGER,
        b"\xef\xbb\xbf" + EAGER,
        EAGER.replace(b"    ", b"\t"),
    ],
    ids=["crlf", "no last newline", "encoding", "mark of UTF-8", "tabs"],
)
def test_encoding_newlines_and_indentation_stay(file: Make, text: bytes) -> None:
    """Only what is rewritten differs, byte for byte."""
    path = file(text)
    assert migrate(path) == 0
    newline = b"\r\n" if b"\r\n" in text else b"\n"
    expected = NEW.replace(b"    ", b"\t") if b"\t" in text else NEW
    expected = text.partition(b"import")[0] + expected.replace(b"\n", newline)
    assert path.read_bytes() == (expected if text.endswith(b"\n") else expected.rstrip())


@pytest.mark.parametrize(
    "text",
    [
        b"def test_it(:\n",
        b"\x00\x01",
        b"\xff\xfe",
        b"# coding: nonsense\n",
        b"print 'two'\n",
        b"(" * 3000,
        b"\x0c" + EAGER,
    ],
    ids=["syntax", "nul", "bytes", "codec", "python 2", "depth", "form feed"],
)
def test_a_file_that_cannot_be_read(file: Make, capsys: pytest.CaptureFixture[str], text: bytes) -> None:
    """It is named, it stays, the others are still done, and the status is 2."""
    bad, good = file(text), file(EAGER)
    assert migrate(bad, good) == 2
    assert capsys.readouterr().err.startswith(f"{bad}: ")
    assert (bad.read_bytes(), good.read_bytes()) == (text, NEW)


def test_what_is_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """So are a folder and a name that does not exist. An empty file has nothing to do."""
    assert migrate(tmp_path) == 2
    assert migrate(tmp_path / "none.py") == 2
    assert capsys.readouterr().err.count("none.py") == 2
    (tmp_path / "empty.py").touch()
    assert migrate(tmp_path / "empty.py") == 0


def test_a_text_that_does_not_compile_is_not_written(
    file: Make, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong rewrite ends before the file, with status 2."""
    monkeypatch.setattr(migrate_file, "_without_gap", lambda _module: BAD)
    path = file(EAGER)
    assert migrate(path) == 2
    assert "does not compile" in capsys.readouterr().err
    assert path.read_bytes() == EAGER


def test_a_write_that_fails_leaves_the_old_file(file: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new text goes to a file of its own first, which does not stay."""

    def fail(_path: Path, _target: Path) -> None:
        raise OSError("no space")

    path = file(EAGER)
    monkeypatch.setattr(Path, "replace", fail)
    assert migrate(path) == 2
    assert [each.read_bytes() for each in path.parent.iterdir()] == [EAGER]


def test_links_and_modes_stay(file: Make) -> None:
    """A symbolic link stays a link, and its file keeps its mode."""
    path = file(EAGER)
    path.chmod(0o640)
    link = path.parent / "link.py"
    link.symlink_to(path)
    assert migrate(link) == 0
    assert (link.is_symlink(), path.read_bytes(), path.stat().st_mode & 0o777) == (True, NEW, 0o640)


def test_without_libcst_the_extra_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The command says which extra to install."""
    monkeypatch.setitem(sys.modules, "libcst", None)
    with pytest.raises(SystemExit, match="2"):
        migrate(Path("test_it.py"))
    assert "celery-rehearsal[migrate]" in capsys.readouterr().err


def test_the_module_is_the_script(file: Make) -> None:
    """`python -m celery_rehearsal` does the same, and returns the status."""
    command = [sys.executable, "-m", "celery_rehearsal", "migrate", str(file(BY_HAND))]
    path = os.pathsep.join(sys.path)
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": path})
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.endswith(f":5: {REASON}\n")
