"""The status `processing`, and when the provider is asked how such a refund ended."""

import refunds.domain.refunds
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("refunds", "0010_flood"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="refund",
            name="refund_status_known",
        ),
        migrations.RemoveConstraint(
            model_name="refund",
            name="refund_outcome_complete",
        ),
        migrations.AddField(
            model_name="refund",
            name="accepted_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="refund",
            name="look_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="refund",
            name="reversed_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name="refund",
            name="notified_of",
            field=models.CharField(
                blank=True,
                choices=[
                    ("pending", "pending"),
                    ("processing", "processing"),
                    ("succeeded", "succeeded"),
                    ("failed", "failed"),
                ],
                db_default="",
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="refund",
            name="status",
            field=models.CharField(
                choices=[
                    ("pending", "pending"),
                    ("processing", "processing"),
                    ("succeeded", "succeeded"),
                    ("failed", "failed"),
                ],
                default=refunds.domain.refunds.RefundStatus["PENDING"],
                max_length=10,
            ),
        ),
        migrations.AddIndex(
            model_name="refund",
            index=models.Index(
                condition=models.Q(("look_at__isnull", False)), fields=["look_at"], name="refund_to_look_up"
            ),
        ),
        migrations.AddIndex(
            model_name="refund",
            index=models.Index(
                condition=models.Q(("reversed_at__isnull", False)), fields=["reversed_at"], name="refund_reversed"
            ),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "status__in",
                        [
                            refunds.domain.refunds.RefundStatus["PENDING"],
                            refunds.domain.refunds.RefundStatus["PROCESSING"],
                            refunds.domain.refunds.RefundStatus["SUCCEEDED"],
                            refunds.domain.refunds.RefundStatus["FAILED"],
                        ],
                    )
                ),
                name="refund_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("receipt", ""),
                        ("settled_at", None),
                        ("status", refunds.domain.refunds.RefundStatus["PENDING"]),
                    ),
                    models.Q(
                        ("settled_at", None),
                        ("status", refunds.domain.refunds.RefundStatus["PROCESSING"]),
                        ("accepted_at__isnull", False),
                        ("look_at__isnull", False),
                        models.Q(("receipt", ""), _negated=True),
                    ),
                    models.Q(
                        ("settled_at__isnull", False),
                        ("status", refunds.domain.refunds.RefundStatus["SUCCEEDED"]),
                        models.Q(("receipt", ""), _negated=True),
                    ),
                    models.Q(
                        ("receipt", ""),
                        ("settled_at__isnull", False),
                        ("status", refunds.domain.refunds.RefundStatus["FAILED"]),
                        models.Q(("failure", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="refund_outcome_complete",
            ),
        ),
    ]
