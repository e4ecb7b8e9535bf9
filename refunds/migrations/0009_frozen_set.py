"""What a frozen set is made of: on PostgreSQL the transaction that added each request, and the snapshot of each sweep.

And the hosts whose clocks were found wrong.

The column is the database's own, which gives every row its transaction, whatever inserts it: the ORM does not know it. Rows
that are there get this migration's transaction without the table being written anew, because the default is not volatile.
"""

from typing import Any

from django.db import migrations, models

TABLE = "refunds_returnrequest"
INDEX = f"""CREATE INDEX request_pending ON {TABLE} (id, currency, amount_minor, received_at%s)
    WHERE status = 'requested'"""


def forth(_: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"ALTER TABLE {TABLE} ADD COLUMN added_in xid8 NOT NULL DEFAULT pg_current_xact_id()")
        schema_editor.execute("DROP INDEX request_pending")
        schema_editor.execute(INDEX % ", added_in")


def back(_: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX request_pending")
        schema_editor.execute(INDEX % "")
        schema_editor.execute(f"ALTER TABLE {TABLE} DROP COLUMN added_in")


class Migration(migrations.Migration):
    dependencies = [("refunds", "0008_return_id")]

    operations = [
        migrations.RunPython(forth, back),
        migrations.AddField(
            model_name="sweep",
            name="snapshot",
            field=models.TextField(blank=True, db_default="", editable=False),
        ),
        migrations.CreateModel(
            name="WrongClock",
            fields=[
                ("host", models.CharField(max_length=255, primary_key=True, serialize=False)),
                ("seen_at", models.DateTimeField()),
                ("ahead", models.FloatField()),
            ],
        ),
    ]
