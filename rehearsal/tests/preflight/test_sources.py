"""What preflight reads in the application's source, and what it leaves alone because it cannot be sure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from celery_rehearsal.preflight.retry_policy import Policy

if TYPE_CHECKING:
    from collections.abc import Callable

    from celery_rehearsal.preflight.loaded import LoadedApp

HEAD = """
from celery import Celery, shared_task
from typing import Any

app = Celery("shop", broker="redis://localhost/0")
HOUR = 60 * 60

@app.task(name="shop.send")
def send(): ...

class Later(app.Task):
    def delay(self, *args, **kwargs):
        return later(self)

@app.task(name="shop.later", base=Later)
def later(): ...

@shared_task(name="shop.shared")
def shared(): ...
"""

# A task of one app is shared with every app of the process.
OTHER = HEAD.replace("shop.", "other.")


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("send.delay()", ["shop.send"]),
        ("send.s().apply_async()", ["shop.send"]),
        ("shared.delay()", ["shop.shared"]),
        ("lambda: send.delay()", ["shop.send"]),
        ("from celery import current_app as send; send.delay()", []),
        ("send = queue(); send.delay()", []),
        ("queue.delay()", []),
        ("app.conf.delay()", []),
        ("app.tasks['shop.send'].delay()", []),
    ],
)
def test_calls_that_surely_send_a_task(opened: Callable[..., LoadedApp], line: str, found: list[str]) -> None:
    """By the names of the module. A name that the function binds hides it, and an expression is not evaluated."""
    loaded = opened(f"{HEAD}\ndef scene(queue):\n    {line}\n")
    sent = [call for call in loaded.calls if call.place.line > HEAD.count("\n")]
    assert [call.task.name for call in sent] == found


def test_import_inside_a_function_is_followed(opened: Callable[..., LoadedApp]) -> None:
    """Of a module that is loaded. Django projects import tasks where they use them."""
    first = opened(HEAD)
    name = first.sources.modules[0].name
    second = opened(f"{OTHER}\ndef scene():\n    from {name} import send as post\n    post.delay()\n")
    assert [call.task.app is first.app for call in second.calls if call.node.lineno > HEAD.count("\n")] == [True]


def test_task_class_that_overrides_delay_is_not_celerys(opened: Callable[..., LoadedApp]) -> None:
    """It can wait for a commit, so rules about transactions leave it alone."""
    loaded = opened(f"{HEAD}\ndef scene():\n    later.delay()\n    send.delay()\n")
    assert {call.task.name: call.by_celery for call in loaded.calls} == {"shop.later": False, "shop.send": True}


@pytest.mark.parametrize(
    ("call", "countdown", "bound"),
    [
        ("self.retry()", 180.0, None),
        ("self.retry(countdown=2 * HOUR, max_retries=3)", 7200.0, 3),
        ("self.retry(countdown=2 ** self.request.retries)", None, None),
        ("self.retry(countdown=seconds())", None, None),
        ("self.retry(countdown=10 ** 1000)", None, None),
        ("self.retry(countdown=1 / 0)", None, None),
        ("self.retry(eta=due())", None, None),
        ("self.retry(**options)", None, None),
        ("fetch.retry(countdown=5)", 5.0, None),
    ],
)
def test_retry_in_source(
    opened: Callable[..., LoadedApp], call: str, countdown: float | None, bound: int | None
) -> None:
    """Constants are computed, and anything else is unknown."""
    loaded = opened(f'{HEAD}\n@app.task(name="shop.fetch", bind=True)\ndef fetch(self):\n    raise {call}\n')
    (found,) = Policy(loaded.tasks["shop.fetch"]).manual
    assert (found.countdown, found.max_retries) == (countdown, bound)


def test_retry_of_something_else_is_not_the_tasks(opened: Callable[..., LoadedApp]) -> None:
    """A client that has a method of this name, and an argument named like the task's own."""
    loaded = opened(f'{HEAD}\n@app.task(name="shop.fetch")\ndef fetch(client):\n    client.retry()\n    send.retry()\n')
    assert Policy(loaded.tasks["shop.fetch"]).manual == ()


def test_place_is_given_where_only_one_line_has_the_name(opened: Callable[..., LoadedApp]) -> None:
    """A key, a keyword or an assignment; with two of them preflight does not guess."""
    loaded = opened(HEAD + '\nENTRIES = {"once": 1, "twice": 2}\nOTHER = {"twice": 3}\nnames = dict(word=1)\n')
    sources, line = loaded.sources, HEAD.count("\n") + 2
    once, word, other = sources.place_of_string("once"), sources.place_of_string("word"), sources.place_of_name("OTHER")
    assert once is not None
    assert word is not None
    assert other is not None
    assert (once.line, other.line, word.line) == (line, line + 1, line + 2)
    assert sources.place_of_string("twice") is None
    assert sources.place_of_string("nowhere") is None


def test_routing_does_not_declare_a_queue(opened: Callable[..., LoadedApp]) -> None:
    """Celery's own table of queues would make the missing one. A router that fails makes the queue unknown."""
    loaded = opened(f'{HEAD}\napp.conf.task_routes = {{"shop.send": "mail"}}\n')
    assert loaded.queue_of("shop.send") == "mail"
    assert "mail" not in loaded.app.amqp.queues
    broken = opened(f'{OTHER}\napp.conf.task_routes = [lambda name, *args, **kwargs: {{}}["no route"]]\n')
    assert broken.queue_of("other.send") is None
