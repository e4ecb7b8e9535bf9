"""The catalogues of translations: complete, compiled, and what the pages show. docs/languages.md says how to change them."""

import contextlib
import gettext as standard
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.utils.translation import gettext, ngettext, override

import refunds
from refunds.project.copying.rewriting import Cutoff, Rewriter

PACKAGE = Path(str(refunds.__file__)).parent
CATALOGUES = [pytest.param(path, id=path.relative_to(PACKAGE).as_posix()) for path in sorted(PACKAGE.rglob("*.po"))]
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[a-z]|\{\w*\}")
# A number for each plural form of Ukrainian, and numbers that simpler rules get wrong.
FORMS = {1: 0, 2: 1, 5: 2, 11: 2, 14: 2, 21: 0, 22: 1, 111: 2}
needs_gettext = pytest.mark.skipif(
    shutil.which("xgettext") is None, reason="needs GNU gettext, which systems have as the package gettext"
)
every_catalogue = pytest.mark.parametrize("catalogue", CATALOGUES)


def compiled(file: Path) -> Any:
    """Read a compiled catalogue as Django does."""
    with file.open("rb") as opened:
        return standard.GNUTranslations(opened)


def texts(file: Path) -> dict[Any, str]:
    """Return each translation by its text, and each form of a plural by text and form. The header has the key ""."""
    found: dict[Any, str] = compiled(file)._catalog
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
    """A page cannot fail for a name that it does not give, and a number or a name is not lost."""
    found = texts(catalogue.with_suffix(".mo"))
    for key, text in found.items():
        original, last = (key, text) if isinstance(key, str) else (key[0], found[key[0], max(FORMS.values())])
        # A text for one thing can do without the number, a form for 1, 21 and 31 cannot.
        wanted = {*PLACEHOLDER.findall(original), *PLACEHOLDER.findall(last)}
        assert not key or {*PLACEHOLDER.findall(text)} == wanted, f"{original!r} is {text!r}"


@every_catalogue
def test_numbers_choose_their_plural_form(catalogue: Path) -> None:
    """1 and 21, 2 and 22, 5 and 11 have three forms in Ukrainian, and each plural has all three."""
    made = compiled(catalogue.with_suffix(".mo"))
    assert {number: made.plural(number) for number in FORMS} == FORMS
    plurals: dict[str, set[int]] = {}
    for text, form in (key for key, shown in made._catalog.items() if isinstance(key, tuple) and shown):
        plurals.setdefault(text, set()).add(form)
    assert {text: forms for text, forms in plurals.items() if forms != {*FORMS.values()}} == {}


@every_catalogue
def test_page_shows_the_translation_of_the_catalogue(catalogue: Path) -> None:
    """No app that Django asks first, its own or one of these, has another translation of the same text."""
    number_of = {form: number for number, form in FORMS.items()}
    with override(catalogue.parts[-3]):
        for key, text in texts(catalogue.with_suffix(".mo")).items():
            shown = gettext(key) if isinstance(key, str) else ngettext(key[0], "", number_of[key[1]])
            assert not key or shown == text, f"{key!r} is {text!r} here"


@every_catalogue
def test_copy_finds_its_translations(catalogue: Path) -> None:
    """`copy` changes names in the code and no catalogue, so no text that is translated has such a name."""
    rename = Rewriter("another", Cutoff(), ["project"]).text
    found = {key if isinstance(key, str) else key[0] for key in texts(catalogue.with_suffix(".mo"))}
    assert [text for text in found if rename(text) != text] == []
