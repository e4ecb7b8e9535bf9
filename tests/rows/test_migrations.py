"""The migrations make what the models say, and unmake it."""

from io import StringIO

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from refunds.models import Refund, ReturnRequest

from ..factories import NOON, make_requests


@pytest.mark.django_db
def test_no_change_of_the_models_lacks_its_migration() -> None:
    """makemigrations finds nothing to add."""
    out = StringIO()
    call_command("makemigrations", "--check", "--dry-run", stdout=out)
    assert out.getvalue() == "No changes detected\n"


@pytest.mark.django_db(transaction=True)
def test_migrations_go_back_to_nothing_and_forth_again() -> None:
    """Every table of the app is gone after the way back, and takes rows after the way forth."""
    tables = {model._meta.db_table for model in apps.get_app_config("refunds").get_models()}
    assert tables <= set(connection.introspection.table_names())
    newest = MigrationExecutor(connection).loader.graph.leaf_nodes("refunds")
    MigrationExecutor(connection).migrate([("refunds", None)])  # None is zero
    try:
        assert not tables & set(connection.introspection.table_names())
    finally:
        MigrationExecutor(connection).migrate(newest)
    assert make_requests()[0].pk


@pytest.mark.django_db(transaction=True)
def test_rows_from_before_keep_what_the_new_constraints_ask() -> None:
    """An approval names its refund, and a customer who was told is not told again."""
    newest = MigrationExecutor(connection).loader.graph.leaf_nodes("refunds")
    before = MigrationExecutor(connection).migrate([("refunds", "0001_initial")]).apps
    try:
        old_request, old_refund = (before.get_model("refunds", name) for name in ("ReturnRequest", "Refund"))
        values = {"order_line": "1", "quantity": 1, "requested_at": NOON, "received_at": NOON}
        money = {"amount_minor": 1, "currency": "GBP"}
        row = old_request.objects.create(status="approved", decided_at=NOON, key="k", **values, **money)
        old_request.objects.create(key="l", **values, **money)
        instants = {"created_at": NOON, "due_at": NOON, "dispatched_at": NOON, "settled_at": NOON, "notified_at": NOON}
        old_refund.objects.create(request=row, status="succeeded", receipt="r", **money, **instants)
    finally:
        MigrationExecutor(connection).migrate(newest)
    assert list(ReturnRequest.objects.order_by("pk").values_list("status", "owed")) == [
        ("approved", row.pk),
        ("requested", None),
    ]
    assert Refund.objects.get().notified_of == "succeeded"
