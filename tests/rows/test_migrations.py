"""The migrations create the tables of the models, and drop them."""

from io import StringIO

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from refunds.apps import LABEL

from ..factories import make_requests


@pytest.mark.django_db
def test_models_have_all_their_migrations() -> None:
    """makemigrations finds nothing to add."""
    out = StringIO()
    call_command("makemigrations", "--check", "--dry-run", stdout=out)
    assert out.getvalue() == "No changes detected\n"


@pytest.mark.django_db(transaction=True)
def test_migrations_can_be_reversed_and_applied_again() -> None:
    """Every table of the app is gone after the way back, and takes rows after the way forth."""
    tables = {model._meta.db_table for model in apps.get_app_config(LABEL).get_models()}
    assert tables <= set(connection.introspection.table_names())
    newest = MigrationExecutor(connection).loader.graph.leaf_nodes()  # those of the rooms go back with the app
    MigrationExecutor(connection).migrate([(LABEL, None)])  # None is zero
    try:
        assert not tables & set(connection.introspection.table_names())
    finally:
        MigrationExecutor(connection).migrate(newest)
    assert make_requests()[0].pk
