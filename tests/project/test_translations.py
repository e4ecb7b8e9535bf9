"""The catalogues of translations are complete and compiled, and pages show them. To edit them: docs/languages.md."""

import contextlib
import re
import shutil
import struct
import subprocess
from collections.abc import Iterator
from gettext import GNUTranslations
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils.translation import gettext, ngettext, override

import refunds
from refunds.project.copying.rewriting import Cutoff, Rewriter

PACKAGE = Path(str(refunds.__file__)).parent
CATALOGUES = [pytest.param(path, id=path.relative_to(PACKAGE).as_posix()) for path in sorted(PACKAGE.rglob("*.po"))]
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[a-z]|\{\w*\}")
# For each language, numbers and their plural forms: one of each form first, and those that simpler rules get wrong.
FORMS = {"uk": {1: 0, 2: 1, 5: 2, 11: 2, 12: 2, 21: 0, 22: 1, 111: 2}}
needs_gettext = pytest.mark.skipif(
    shutil.which("xgettext") is None, reason="needs GNU gettext, which systems have as the package gettext"
)
every_catalogue = pytest.mark.parametrize("catalogue", CATALOGUES)


def texts(file: Path) -> dict[tuple[str, ...], tuple[str, ...]]:
    """Return what a compiled catalogue has: the forms of each translation, by its text or its singular and plural."""
    content = file.read_bytes()
    count, *tables = struct.unpack_from("<3I", content, 8)

    def strings(table: int) -> Iterator[tuple[str, ...]]:
        for length, start in struct.iter_unpack("<2I", content[table : table + 8 * count]):
            yield tuple(content[start : start + length].decode().split("\0"))

    found = dict(zip(*map(strings, tables), strict=True))
    del found[("",)]  # the header
    return found


@pytest.fixture(scope="module")
def updated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package, with its catalogues brought up to date with its code."""
    ignored = shutil.ignore_patterns("__pycache__")
    copy = shutil.copytree(PACKAGE, tmp_path_factory.mktemp("code") / "package", ignore=ignored)
    for app in copy.rglob("apps.py"):  # an app without a catalogue would put its texts into the core's
        app.with_name("locale").mkdir(exist_ok=True)
    languages = {path.parts[-3] for path in copy.rglob("*.po")}
    with contextlib.chdir(copy):
        call_command("makemessages", locale=sorted(languages), no_location=True, no_wrap=True, verbosity=0)
    return copy


@needs_gettext
@pytest.mark.parametrize("lacking", ["untranslated", "only-fuzzy", "only-obsolete"])
def test_each_text_of_the_code_is_translated_and_no_other(updated: Path, lacking: str) -> None:
    """Every app has a catalogue with each marked text of its code, none in doubt, and none that the code has lost."""
    found = []
    for catalogue in sorted(updated.rglob("*.po")):
        command = ["msgattrib", f"--{lacking}", "--no-wrap", str(catalogue)]
        listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        found += [f"{catalogue.relative_to(updated)}:\n{entry}" for entry in listed.split("\n\n")[1:]]
    assert not found, "\n\n".join(found)


@needs_gettext
@every_catalogue
def test_compiled_catalogue_is_up_to_date(catalogue: Path, tmp_path: Path) -> None:
    """A copied app is not built, so the compiled catalogue is next to its source, which has no dates to conflict."""
    subprocess.run(["msgfmt", "--check", "-o", str(tmp_path / "fresh.mo"), str(catalogue)], check=True)
    assert texts(catalogue.with_suffix(".mo")) == texts(tmp_path / "fresh.mo")
    assert "POT-Creation-Date" not in catalogue.read_text("utf-8")


@every_catalogue
def test_translation_has_the_placeholders_of_its_text(catalogue: Path) -> None:
    """A page cannot fail for a name that it does not give, and no number or name is lost."""
    for text, forms in texts(catalogue.with_suffix(".mo")).items():
        # A singular can do without its number; a form for 1, 21 and 31 cannot.
        assert [{*PLACEHOLDER.findall(form)} for form in forms] == [{*PLACEHOLDER.findall(text[-1])}] * len(forms), text


@every_catalogue
def test_numbers_choose_their_plural_form(catalogue: Path) -> None:
    """1 and 21, 2 and 22, 5 and 11 have three forms in Ukrainian. Each plural has all three."""
    compiled, numbers = catalogue.with_suffix(".mo"), FORMS[catalogue.parts[-3]]
    with compiled.open("rb") as opened:
        made: Any = GNUTranslations(opened)  # its `plural` is in no type stub
    assert {number: made.plural(number) for number in numbers} == numbers
    for text, forms in texts(compiled).items():
        # Django's own rule for Ukrainian has a fourth form, for fractions.
        assert len(forms) >= (1 if len(text) == 1 else len({*numbers.values()})), text
        assert all(forms), text


@every_catalogue
def test_page_shows_the_translation_of_its_catalogue(catalogue: Path) -> None:
    """No other app has another translation of the same text: Django would show it on the pages of both."""
    language = catalogue.parts[-3]
    with override(language):
        for text, forms in texts(catalogue.with_suffix(".mo")).items():
            if len(text) == 1:
                assert gettext(*text) == forms[0], text
            else:
                shown = {form: ngettext(text[0], text[1], number) for number, form in FORMS[language].items()}
                assert shown == {form: forms[form] for form in shown}, text


@every_catalogue
def test_copy_finds_its_translations(catalogue: Path) -> None:
    """`copy` changes names in the code and no catalogue, so no text that is translated has such a name."""
    rename = Rewriter("another", Cutoff(), ["project"]).text
    assert [text for text in texts(catalogue.with_suffix(".mo")) if tuple(map(rename, text)) != text] == []


@pytest.mark.parametrize("page", ["/admin/login/", "/no/such/page/"])
@pytest.mark.parametrize(("asked", "language"), [("pl, uk;q=0.5", "uk"), ("pl", "en"), ("", "en")])
def test_page_is_in_the_language_that_the_browser_asks_for(
    client: Client, page: str, asked: str, language: str
) -> None:
    """The first of its languages that the project has counts, else the project's."""
    answer = client.get(page, headers={"accept-language": asked})
    with override(language):
        named = gettext("Returns and refunds" if answer.status_code == HTTPStatus.OK else "Page not found")
    assert f'lang="{language}"' in answer.text
    assert named in answer.text
