"""What `celery-rehearsal migrate` lists instead of rewriting, and what it does not touch."""

from __future__ import annotations

import itertools
from textwrap import dedent, indent

import pytest

pytest.importorskip("libcst", reason="the extra migrate is not installed")

from hypothesis import given, settings
from hypothesis import strategies as st

from .test_migrate import migrate

EAGER = "settings.CELERY_TASK_ALWAYS_EAGER = True"
HEAD = "import pytest\nfrom shop.tasks import note\n\n\n"

# A statement of an eager test, with part of the reason and its line in the test.
STATEMENTS = {
    "assert note.delay().get() == 1": (3, "uses the return value of delay(): a result backend is needed"),
    "assert note.apply().get() == 1": (3, "uses the return value of apply(): a result backend is needed"),
    "result = note.delay()": (3, "uses the return value of delay()"),
    "with pytest.raises(OSError):\n    note.delay()": (3, "expects the error of a send"),
    "try:\n    note.delay()\nexcept OSError:\n    pass": (3, "catches the error of a send"),
    "with freeze_time('2026-01-01'):\n    note.delay()": (3, "moves the clock inside"),
    "send = lambda: note.delay()": (3, "sends in a function inside"),
    "@app.task\ndef other(): pass\nother.delay()": (4, "defines a task inside"),
    "note.delay(); note.delay()": (3, "has several statements on one line"),
    "widget.apply()": (3, "widget may be no Celery task"),
    "note.apply(retries=3)": (3, "apply() with an option"),
    "note.apply(**options)": (3, "apply() with an option"),
    "note.delay()\nmail.send()\nassert sent": (4, "may send, too: put virtual_celery.run_until_idle()"),
    "client.post('/')\nassert sent": (1, "sends in the code under test only"),
    "settings.CELERY_TASK_ROUTES = {}\nnote.delay()": (1, "changes settings"),
    "app.conf.update(task_routes={})\nnote.delay()": (1, "changes settings"),
    "app.conf.timezone = 'UTC'\nnote.delay()": (1, "changes settings"),
    "if fast:\n    app.conf.task_always_eager = True\nnote.delay()": (4, "in a block of its own"),
    "configure(task_always_eager=True)\nnote.delay()": (1, "sets eager mode in an unknown way"),
}
# A whole test, with the line and part of the reason.
TESTS = {
    "class TestIt(TestCase):\n    def test_it(self):\n        note.apply()": (
        2,
        "unittest.TestCase method: no fixtures",
    ),
    "class TestIt(Base):\n    def test_it(self):\n        note.apply()": (2, "method of a Base"),
    "async def test_it():\n    note.apply()": (1, "an async test"),
    "def test_it(freezer):\n    note.apply()": (1, "a fixture that moves the clock"),
    "def test_it(*args):\n    note.apply()": (1, "parameters that are no fixtures"),
    "@given(x)\ndef test_it(x):\n    note.apply()": (1, "a decorator that may change the arguments"),
    "@freeze_time('2026-01-01')\ndef test_it():\n    note.apply()": (1, "a decorator that may change the arguments"),
    "def test_it(celery_worker):\n    note.delay()": (1, "waits for nothing"),
    "def test_it(celery_worker):\n    note.delay()\n    assert Book.objects.get(pk=1)": (1, "waits for nothing"),
    "def test_it(celery_app, celery_worker):\n    celery_app.tasks['note'].delay().get()": (
        1,
        "uses Celery's fixtures",
    ),
    "@pytest.mark.celery(x=1)\ndef test_it(celery_worker):\n    note.delay().get()": (1, "a decorator that may change"),
    "@pytest.mark.usefixtures('celery_worker')\ndef test_it():\n    note.delay().get()": (1, "a decorator that may"),
    "@pytest.mark.usefixtures('celery_worker')\nclass TestIt:\n    pass": (1, "is for a whole class"),
    "@pytest.fixture\ndef eager(settings):\n    " + EAGER: (2, "not a test"),
    "app.conf.task_always_eager = True": (1, "for more than one test"),
    "def test_it():\n    note.delay()": (1, "the file does not say what runs it"),
    "@freeze_time('2026-01-01')\ndef test_it():\n    assert s.is_due(last)": (2, "is_due under a frozen clock"),
    "def test_it():\n    with freeze_time(at):\n        assert s.is_due(last)[1] == 3": (
        1,
        "is_due under a frozen clock",
    ),
}
LEFT_ALONE = [
    "def test_it(settings):\n    settings.CELERY_TASK_ALWAYS_EAGER = False\n    assert note.name",
    "def test_it():\n    frame.apply(len)\n    time.sleep(1)",
    "def test_it(virtual_celery):\n    note.apply()",
    "def test_it():\n    with VirtualCelery(app, start=start):\n        note.apply()",
    '@pytest.fixture\ndef it():\n    """CELERY_TASK_ALWAYS_EAGER = True"""',
]
GOOD = [
    "note.delay()",
    "note.apply((1,)).get()",
    "note.apply_async(countdown=3)  # later",
    "for each in 'ab':\n    note.delay(each)",
    "assert sent == 1",
    "# a comment\ntime.sleep(3)",
    "with patch('x') as mock:\n\n    note.delay()\n    mock.assert_called()",
    "app.conf.update(task_always_eager=True)  # on",
    "with override_settings(CELERY_ALWAYS_EAGER=True):  # on\n    note.delay()",
]


def listed(test: str) -> list[tuple[int, str]]:
    """What is listed of a test behind the imports, by its own lines. Fails where something was rewritten."""
    head = f"{HEAD}from freezegun import freeze_time\n"
    new, found = migrate(head + test)
    assert new == head + test
    return [(line - head.count("\n"), reason) for line, reason in found]


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_statement_that_forbids_a_rewrite(statement: str) -> None:
    """The test stays as it is, and is listed once, with the line and the reason."""
    line, reason = STATEMENTS[statement]
    ((found, said),) = listed(f"def test_it(settings):\n    {EAGER}\n{indent(statement, '    ')}\n")
    assert (found, reason in said) == (line, True), (found, said)


@pytest.mark.parametrize("test", TESTS)
def test_a_test_that_cannot_be_rewritten(test: str) -> None:
    """So are tests whose class, parameters or decorators allow no fixture, and what is no test."""
    line, reason = TESTS[test]
    ((found, said),) = listed(test)
    assert (found, reason in said) == (line, True), (found, said)


@pytest.mark.parametrize("test", LEFT_ALONE)
def test_what_is_not_eager_is_left_alone(test: str) -> None:
    """A test that turns eager mode off, sends nothing or has a cluster is neither changed nor listed."""
    assert listed(test) == []


def test_eager_from_elsewhere() -> None:
    """With `eager`, and where the module turns it on, tests that only send are rewritten."""
    test = "def test_it():\n    note.delay()\n"
    after = "@pytest.mark.virtual_celery(beats=0)\ndef test_it(virtual_celery):\n    note.delay()\n"
    after += "    virtual_celery.run_until_idle()\n"
    on = "app.conf.task_always_eager = True\n"
    assert migrate(HEAD + test, eager=True) == (HEAD + after, [])
    assert migrate(HEAD + on + test)[0] == HEAD + on + after


def test_a_fixture_that_turns_eager_mode_on() -> None:
    """A test that takes such a fixture of its file would turn it on inside the cluster."""
    code = f"def eager(settings):\n    {EAGER}\n\n\ndef test_it(eager):\n    note.apply()\n"
    assert [reason for _line, reason in listed(code)] == [
        "not a test: remove it when no test needs it",
        "a fixture turns eager mode on, which a cluster refuses",
    ]


def test_unused_imports_go_where_their_use_went() -> None:
    """What only eager mode used is not imported any more; what was unused before stays."""
    used = "from django.test import override_settings\n"
    code = f"from time import sleep\n{used}import pytest\nfrom shop.tasks import note\n"
    test = "\n\n@override_settings(CELERY_TASK_ALWAYS_EAGER=True)\ndef test_it():\n    note.delay()\n"
    new, _listed = migrate(code + test)
    assert new.startswith("from time import sleep\nimport pytest\nfrom shop.tasks import note\n\n\n@pytest.mark")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("test_it(settings)", "test_it(virtual_celery)"),
        ("test_it(settings, a=1)", "test_it(virtual_celery, a=1)"),
        ("test_it(\n    a,\n    settings,\n)", "test_it(\n    virtual_celery,\n    a,\n)"),
        ("test_it(a, settings) -> None", "test_it(virtual_celery, a) -> None"),
    ],
)
def test_the_place_of_the_fixture(before: str, after: str) -> None:
    """The fixture comes first, and `settings` goes where nothing else needs it."""
    new, _listed = migrate(f"{HEAD}def {before}:\n    {EAGER}\n    note.delay()\n")
    assert f"def {after}:\n    note.delay()\n" in new


def test_mocks_of_patches_keep_their_place() -> None:
    """The mocks that `patch` passes by position stay in front of the fixture."""
    new, found = migrate(f"{HEAD}@patch('a')\ndef test_it(mock, settings, b=1):\n    {EAGER}\n    note.delay()\n")
    assert "def test_it(mock, virtual_celery, b=1):" in new
    assert found == []


def test_methods_and_nested_blocks() -> None:
    """A method of a plain class gets the fixture after self; comments and blank lines stay."""
    code = """\
    import pytest
    from shop.tasks import note


    class TestIt:
        # why

        def test_it(self, settings):
            # first
            settings.CELERY_TASK_ALWAYS_EAGER = True  # on

            # then
            note.delay()  # sent
            # last
    """
    after = """\
    import pytest
    from shop.tasks import note


    class TestIt:
        # why

        @pytest.mark.virtual_celery(beats=0)
        def test_it(self, virtual_celery):
            # first
            # on

            # then
            note.delay()  # sent
            virtual_celery.run_until_idle()
            # last
    """
    assert migrate(code) == (dedent(after), [])


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(GOOD + list(STATEMENTS)), min_size=1, max_size=5), st.booleans())
def test_a_second_run_changes_nothing(statements: list[str], eager: bool) -> None:
    """Whatever a test is made of, its new text compiles, keeps every comment, and stays as it is."""
    parts = [EAGER] * eager + statements
    test = "def test_it(settings):\n" + indent("\n".join(parts), "    ") + "\n"
    new, found = migrate(HEAD + "import time\n" + test)
    compile(new, "test_it.py", "exec")
    assert sorted(_comments(new)) == sorted(_comments(test))
    assert migrate(new)[0] == new
    assert not found or new == HEAD + "import time\n" + test


def _comments(code: str) -> list[str]:
    return list(itertools.chain.from_iterable(line.split("#")[1:] for line in code.splitlines()))
