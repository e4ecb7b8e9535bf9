"""The migrations make what the models say, and unmake it."""

from datetime import UTC, datetime
from io import StringIO

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.models import F

from refunds.models import Refund, ReturnRequest

from ..factories import NOON, make_requests
from ..importing.files import csv_file, line, store
from ..importing.test_identity import counts


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


@pytest.mark.django_db(transaction=True)
def test_files_from_before_keys_were_made_of_facts_are_still_known() -> None:
    """Imported rows get the keys that their files give them now; what the payer may have heard of stays as it was."""
    newest = MigrationExecutor(connection).loader.graph.leaf_nodes("refunds")
    before = MigrationExecutor(connection).migrate([("refunds", "0006_pending_holds_sums")]).apps
    good = {"order_line": "1001/1", "quantity": 2, "amount_minor": 1250, "currency": "GBP"}
    at = {"requested_at": datetime(2026, 7, 15, 9, tzinfo=UTC), "received_at": NOON}
    try:
        old_request, old_refund = (before.get_model("refunds", name) for name in ("ReturnRequest", "Refund"))
        names = {"first": "a" * 64, "asked": "b" * 64, "waits": "c" * 64, "by hand": "d" * 32}
        rows = {name: old_request.objects.create(key=key, **good, **at) for name, key in names.items()}
        with transaction.atomic():
            for name, attempts in (("asked", 1), ("waits", 0)):
                instants = {"created_at": NOON, "due_at": NOON, "dispatched_at": NOON}
                money = {"amount_minor": 1250, "currency": "GBP"}
                old_refund.objects.create(request=rows[name], status="pending", attempts=attempts, **money, **instants)
                old_request.objects.filter(pk=rows[name].pk).update(status="approved", decided_at=NOON, owed=F("pk"))
    finally:
        MigrationExecutor(connection).migrate(newest)
    assert counts(store(csv_file(line(), line(reason="another"), line(reason="")))) == (0, 3, 0)
    assert ReturnRequest.objects.get(pk=rows["by hand"].pk).key == "d" * 32
    asked, waits = (Refund.objects.get(pk=rows[name].pk) for name in ("asked", "waits"))
    assert (asked.reference, asked.idempotency_key) == ("b" * 64, "b" * 64)
    assert waits.reference == waits.request.key != "c" * 64
