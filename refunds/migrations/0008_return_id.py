"""The shop's own id of a return, and why a notice was not sent."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("refunds", "0007_operator"),
    ]

    operations = [
        migrations.AddField(
            model_name="returnrequest",
            name="return_id",
            field=models.CharField(blank=True, db_default="", default="", editable=False, max_length=64),
        ),
        migrations.AddField(
            model_name="refund",
            name="notice_suppressed",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddConstraint(
            model_name="returnrequest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("return_id__gt", "")), fields=("return_id",), name="request_return_id_once"
            ),
        ),
    ]
