"""The migrations make what the models say, and unmake it."""

from io import StringIO

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from refunds.apps import LABEL

from ..factories import make_requests


@pytest.mark.django_db
def test_no_change_of_the_models_lacks_its_migration() -> None:
    """makemigrations finds nothing to add."""
    out = StringIO()
    call_command("makemigrations", "--check", "--dry-run", stdout=out)
    assert out.getvalue() == "No changes detected\n"


@pytest.mark.django_db(transaction=True)
def test_migrations_go_back_to_nothing_and_forth_again() -> None:
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
