"""Who may do what in the core: every request in the table of docs/admin.md, and no page without a row."""

from typing import Any

import pytest
from django.contrib.admin import site
from django.urls import get_resolver, resolve

from refunds.apps import LABEL

from . import matrix
from .asking import FORMS, SUPERUSER, app_permissions, check_answers, check_forged, rows
from .conftest import browser, make_user, unchanged
from .matrix import Asked

pytestmark = pytest.mark.django_db

MODELS = matrix.core_models()
REQUESTS = matrix.requests(MODELS, matrix.CORE)
POSTS = [asked for asked in REQUESTS if asked.method == "POST"]


names = pytest.fixture(rows)


@pytest.mark.parametrize("asked", REQUESTS, ids=str)
def test_each_kind_of_user_gets_the_answer_of_the_table(asked: Asked, names: dict[str, Any]) -> None:
    """Rows change and messages are sent only where the table's cell is bold."""
    check_answers(asked, names, FORMS, app_permissions(MODELS))


@pytest.mark.parametrize("asked", POSTS, ids=str)
def test_forged_form_is_refused(asked: Asked, names: dict[str, Any]) -> None:
    """A superuser's POST without a CSRF token, or with a wrong one, is 403 and changes nothing."""
    check_forged(asked, names, FORMS)


def test_every_page_has_its_row() -> None:
    """Each route of the admin, by GET and by POST, except the pages of rooms and of other apps."""
    names = {"id": 1, "type": 1, "failed": 1}
    in_table = {(asked.method, resolve(asked.path(names)).route) for asked in REQUESTS if not asked.action}
    others = [(model._meta.app_label, model._meta.model_name) for model in site._registry]
    left_out = [f"admin/{label}/{model}/" for label, model in others if model not in MODELS]
    of_rooms = [
        f"admin/{model._meta.app_label}/{model._meta.model_name}/{page.pattern}"
        for model, shown in site._registry.items()
        for urls in getattr(shown, "extra_urls", ())
        for page in urls(shown)
    ]
    routes = [route for route in matrix.routes(get_resolver().url_patterns) if route.startswith("admin/")]
    there = [route for route in routes if not route.startswith(tuple(left_out)) and route not in of_rooms]
    assert in_table == {(method, route) for route in there for method in ("GET", "POST")}


def test_every_action_has_its_row() -> None:
    """The actions that each list offers a superuser are those of the table."""
    offered = matrix.actions(MODELS, make_user(is_superuser=True))
    assert offered == {(asked.model, asked.action) for asked in REQUESTS if asked.action}


def test_every_custom_permission_of_the_core_is_in_the_table() -> None:
    """The table names the permissions that the models declare besides Django's, and no others."""
    own = {name for model in site._registry if model._meta.model_name in MODELS for name, _ in model._meta.permissions}
    named = {name for asked in REQUESTS for one in asked.opened_by for name in one}
    assert own <= named <= app_permissions(MODELS)


@pytest.mark.parametrize("model", MODELS)
def test_lists_offer_no_delete_action(model: str, names: dict[str, Any]) -> None:
    """Not even a superuser is offered Django's "delete selected"."""
    client = browser(SUPERUSER.make())
    form = {"action": "delete_selected", "_selected_action": names[model], "index": "0", "post": "yes"}
    with unchanged():
        client.post(f"/admin/{LABEL}/{model}/", form)
