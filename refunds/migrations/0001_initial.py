"""The tables and what the database itself holds about their rows."""

from typing import Any

import django.db.models.deletion
import django.db.models.functions.text
import refunds.domain.refunds
import refunds.domain.returns
import refunds.models
from django.conf import settings
from django.db import migrations, models

# PostgreSQL alone: a frozen set is a snapshot of the transactions that had committed, and each row must say which one
# added it. The column has a default of the database's own, so that the ORM does not know it and every writer fills it.
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
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ReturnRequest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(default=refunds.models.new_key, editable=False, max_length=64)),
                ("order_line", models.CharField(max_length=64, verbose_name="order line")),
                ("quantity", models.PositiveIntegerField(verbose_name="quantity")),
                ("amount_minor", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                ("reason", models.TextField(blank=True, verbose_name="reason")),
                ("customer", models.CharField(blank=True, max_length=64, verbose_name="customer")),
                ("customer_email", models.EmailField(blank=True, max_length=254, verbose_name="customer email")),
                ("payment", models.CharField(blank=True, max_length=255)),
                (
                    "return_id",
                    models.CharField(
                        db_default="", default="", editable=False, max_length=64, verbose_name="return id"
                    ),
                ),
                ("requested_at", models.DateTimeField()),
                ("received_at", models.DateTimeField()),
                (
                    "status",
                    models.CharField(
                        choices=[("requested", "requested"), ("approved", "approved"), ("declined", "declined")],
                        default=refunds.domain.returns.Status["REQUESTED"],
                        max_length=9,
                        verbose_name="status",
                    ),
                ),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                ("decision_note", models.TextField(blank=True, verbose_name="decision note")),
                ("decision_code", models.CharField(blank=True, db_default="", default="", max_length=32)),
                (
                    "decided_by",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "return request",
                "verbose_name_plural": "return requests",
                "permissions": (
                    ("approve_all", "Can approve all pending return requests"),
                    ("approve_returnrequest", "Can approve return requests"),
                    ("decline_returnrequest", "Can decline return requests"),
                ),
            },
        ),
        migrations.CreateModel(
            name="Refund",
            fields=[
                (
                    "request",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="refund",
                        serialize=False,
                        to="refunds.returnrequest",
                    ),
                ),
                ("amount_minor", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "pending"),
                            ("processing", "processing"),
                            ("succeeded", "succeeded"),
                            ("failed", "failed"),
                        ],
                        default=refunds.domain.refunds.RefundStatus["PENDING"],
                        max_length=10,
                        verbose_name="status",
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("attempts", models.PositiveIntegerField(default=0, verbose_name="attempts")),
                ("first_attempt_at", models.DateTimeField(blank=True, null=True)),
                ("tried_again", models.PositiveIntegerField(db_default=0, default=0, verbose_name="tried again")),
                ("key_number", models.PositiveIntegerField(db_default=0, default=0)),
                ("earlier_payments", models.TextField(blank=True, db_default="", default="")),
                ("due_at", models.DateTimeField()),
                ("dispatched_at", models.DateTimeField(blank=True, null=True)),
                ("accepted_at", models.DateTimeField(blank=True, null=True)),
                ("settled_at", models.DateTimeField(blank=True, null=True)),
                ("receipt", models.CharField(blank=True, max_length=255, verbose_name="receipt")),
                ("failure", models.TextField(blank=True, verbose_name="failure")),
            ],
            options={
                "verbose_name": "refund",
                "verbose_name_plural": "refunds",
                "permissions": (("retry_refund", "Can try failed refunds again"),),
            },
        ),
        migrations.CreateModel(
            name="Sweep",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("approve", "approve"), ("decline", "decline")], max_length=7, verbose_name="kind"
                    ),
                ),
                ("key", models.CharField(blank=True, max_length=64, null=True, unique=True)),
                ("scheduled_for", models.DateTimeField(blank=True, null=True)),
                ("up_to_id", models.BigIntegerField()),
                ("snapshot", models.TextField(blank=True, db_default="", editable=False)),
                ("received_from", models.DateTimeField(blank=True, null=True)),
                ("received_before", models.DateTimeField(blank=True, null=True)),
                ("started_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("planned_at", models.DateTimeField(blank=True, null=True)),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                ("left", models.PositiveIntegerField(blank=True, null=True, verbose_name="left")),
                ("dispatched_at", models.DateTimeField()),
                (
                    "started_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={"verbose_name": "sweep", "verbose_name_plural": "sweeps"},
        ),
        migrations.AddField(
            model_name="returnrequest",
            name="sweep",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="refunds.sweep",
            ),
        ),
        migrations.CreateModel(
            name="Chunk",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("first_id", models.BigIntegerField()),
                ("last_id", models.BigIntegerField()),
                ("decided", models.PositiveIntegerField(default=0)),
                ("totals", models.JSONField(default=list)),
                ("done_at", models.DateTimeField(null=True)),
                ("dispatched_at", models.DateTimeField()),
                (
                    "sweep",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="chunks",
                        to="refunds.sweep",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="WalletEntry",
            fields=[
                (
                    "refund",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="wallet_entry",
                        serialize=False,
                        to="refunds.refund",
                    ),
                ),
                ("customer", models.CharField(blank=True, max_length=64, verbose_name="customer")),
                ("amount_minor", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3)),
            ],
            options={
                "verbose_name": "wallet entry",
                "verbose_name_plural": "wallet entries",
            },
        ),
        migrations.AddField(
            model_name="returnrequest",
            name="own_refund",
            field=models.ForeignKey(
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="refunds.refund",
            ),
        ),
        migrations.AddIndex(
            model_name="refund",
            index=models.Index(
                condition=models.Q(("status", refunds.domain.refunds.RefundStatus["PENDING"])),
                fields=["due_at"],
                name="refund_pending",
            ),
        ),
        migrations.AddIndex(
            model_name="refund",
            index=models.Index(
                condition=models.Q(("status", refunds.domain.refunds.RefundStatus["FAILED"])),
                fields=["request"],
                name="refund_failed",
            ),
        ),
        migrations.AddIndex(
            model_name="refund",
            index=models.Index(
                condition=models.Q(("status", refunds.domain.refunds.RefundStatus["PROCESSING"])),
                fields=["accepted_at"],
                name="refund_processing",
            ),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount_minor__gt", 0)), name="refund_amount_positive"
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
                        ("accepted_at__isnull", False),
                        ("settled_at", None),
                        ("status", refunds.domain.refunds.RefundStatus["PROCESSING"]),
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
        migrations.AddIndex(
            model_name="sweep",
            index=models.Index(condition=models.Q(("closed_at", None)), fields=["id"], name="sweep_open"),
        ),
        migrations.AddConstraint(
            model_name="sweep",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        [refunds.domain.returns.Decision["APPROVE"], refunds.domain.returns.Decision["DECLINE"]],
                    )
                ),
                name="sweep_kind_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="sweep",
            constraint=models.UniqueConstraint(fields=("kind", "scheduled_for"), name="sweep_one_a_cutoff"),
        ),
        migrations.AddConstraint(
            model_name="sweep",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("kind", refunds.domain.returns.Decision["APPROVE"]),
                        ("expires_at__isnull", False),
                        ("key__isnull", False),
                        ("received_from__isnull", False),
                        ("received_before__isnull", True),
                        ("scheduled_for__isnull", True),
                    ),
                    models.Q(
                        ("kind", refunds.domain.returns.Decision["DECLINE"]),
                        ("received_before", models.F("scheduled_for")),
                        ("received_before__isnull", False),
                        ("scheduled_for__isnull", False),
                        ("expires_at__isnull", True),
                        ("key__isnull", True),
                        ("received_from__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="sweep_button_or_cutoff",
            ),
        ),
        migrations.AddConstraint(
            model_name="sweep",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("closed_at__isnull", True), ("left__isnull", True)),
                    models.Q(("closed_at__isnull", False), ("left__isnull", False)),
                    _connector="OR",
                ),
                name="sweep_closed_with_count",
            ),
        ),
        migrations.AddIndex(
            model_name="chunk",
            index=models.Index(condition=models.Q(("done_at", None)), fields=["dispatched_at"], name="chunk_open"),
        ),
        migrations.AddConstraint(
            model_name="chunk",
            constraint=models.UniqueConstraint(fields=("sweep", "first_id"), name="chunk_once_a_sweep"),
        ),
        migrations.AddConstraint(
            model_name="chunk",
            constraint=models.CheckConstraint(
                condition=models.Q(("first_id__lte", models.F("last_id"))), name="chunk_not_empty"
            ),
        ),
        migrations.AddConstraint(
            model_name="walletentry",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount_minor__gt", 0)), name="wallet_amount_positive"
            ),
        ),
        migrations.AddIndex(
            model_name="returnrequest",
            index=models.Index(
                condition=models.Q(("own_refund__isnull", False)), fields=["own_refund"], name="request_own_refund"
            ),
        ),
        migrations.AddIndex(
            model_name="returnrequest",
            index=models.Index(
                condition=models.Q(("decided_at__isnull", False), ("sweep__isnull", True)),
                fields=["decided_at", "status"],
                name="request_by_hand",
            ),
        ),
        migrations.AddIndex(
            model_name="returnrequest",
            index=models.Index(
                condition=models.Q(("status", refunds.domain.returns.Status["REQUESTED"])),
                fields=["id", "currency", "amount_minor", "received_at"],
                name="request_pending",
            ),
        ),
        migrations.AddConstraint(
            model_name="returnrequest",
            constraint=models.UniqueConstraint(fields=("key",), name="request_key_once"),
        ),
        migrations.AddConstraint(
            model_name="returnrequest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("return_id__gt", "")), fields=("return_id",), name="request_return_id_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="returnrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount_minor__gt", 0)), name="request_amount_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="returnrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(("quantity__gt", 0)), name="request_quantity_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="returnrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "status__in",
                        [
                            refunds.domain.returns.Status["REQUESTED"],
                            refunds.domain.returns.Status["APPROVED"],
                            refunds.domain.returns.Status["DECLINED"],
                        ],
                    )
                ),
                name="request_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="returnrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(("received_at__gte", models.F("requested_at"))), name="request_received_after"
            ),
        ),
        migrations.AddConstraint(
            model_name="returnrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("status", refunds.domain.returns.Status["REQUESTED"]),
                        ("decided_at__isnull", True),
                        ("sweep__isnull", True),
                    ),
                    models.Q(
                        models.Q(("status", refunds.domain.returns.Status["REQUESTED"]), _negated=True),
                        ("decided_at__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="request_decided_has_instant",
            ),
        ),
        migrations.AddConstraint(
            model_name="returnrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("status", refunds.domain.returns.Status["APPROVED"]),
                        ("own_refund", models.F("id")),
                        ("own_refund__isnull", False),
                    ),
                    models.Q(
                        models.Q(("status", refunds.domain.returns.Status["APPROVED"]), _negated=True),
                        ("own_refund__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="request_approved_has_refund",
            ),
        ),
        migrations.AddConstraint(
            model_name="returnrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status", refunds.domain.returns.Status["DECLINED"]), ("decision_code", ""), _connector="OR"
                ),
                name="request_only_declined_has_code",
            ),
        ),
        migrations.RunPython(forth, back),
    ]
