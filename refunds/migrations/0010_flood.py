"""A refund without a message says so: dispatched_at is then null."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Let a refund have no message."""

    dependencies = (("refunds", "0009_frozen_set"),)

    operations = (
        migrations.AlterField(
            model_name="refund",
            name="dispatched_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
    )
