"""The key of a return request without the index by which nothing looks for the beginning of one.

The tables are not made anew: the constraint that `unique=True` made stays, under the name that the model now gives it.
"""

from typing import Any

from django.db import migrations, models

import refunds.models

# As Django and PostgreSQL name what comes of `unique=True`.
LIKE = "refunds_returnrequest_key_ea6c1baf_like"
UNIQUE = "refunds_returnrequest_key_key"
TABLE = "refunds_returnrequest"


def forth(_: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f'DROP INDEX "{LIKE}"')
        schema_editor.execute(f'ALTER TABLE "{TABLE}" RENAME CONSTRAINT "{UNIQUE}" TO "request_key_once"')


def back(_: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f'ALTER TABLE "{TABLE}" RENAME CONSTRAINT "request_key_once" TO "{UNIQUE}"')
        schema_editor.execute(f'CREATE INDEX "{LIKE}" ON "{TABLE}" (key varchar_pattern_ops)')


class Migration(migrations.Migration):
    dependencies = [("refunds", "0004_failed_refunds")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="returnrequest",
                    name="key",
                    field=models.CharField(default=refunds.models.new_key, editable=False, max_length=64),
                ),
                migrations.AddConstraint(
                    model_name="returnrequest",
                    constraint=models.UniqueConstraint(fields=("key",), name="request_key_once"),
                ),
            ],
            database_operations=[migrations.RunPython(forth, back)],
        ),
    ]
