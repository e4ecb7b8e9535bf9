"""`health` before `migrate`."""

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from refunds.apps import LABEL


@pytest.mark.django_db
def test_health_before_migrate_names_the_missing_migration() -> None:
    """It ends with exit status 2 and one line that says what to run."""
    MigrationRecorder(connection).record_unapplied(LABEL, "0001_initial")
    with pytest.raises(CommandError) as ended:
        call_command("health")
    assert str(ended.value) == (f"the database is not fully migrated: it lacks {LABEL}.0001_initial; run migrate first")
    assert ended.value.returncode == 2
