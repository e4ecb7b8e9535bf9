"""Check that the database has the tables that a command reads."""

from django.core.management.base import CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor


def require_tables() -> None:
    """Raise CommandError, which ends a command with status 2, if the database lacks a migration."""
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        migration, _ = missing[0]
        raise CommandError(
            f"the database is not fully migrated: it lacks {migration.app_label}.{migration.name}; run migrate first",
            returncode=2,
        )
