"""The rows and what the database itself holds about them.

Amounts are whole minor units. Every constraint here is one that code elsewhere may rely on, whoever writes.
"""

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from .domain.money import to_major
from .domain.refunds import RefundStatus
from .domain.returns import Decision, Status


def _choices(values: type[Status] | type[Decision] | type[RefundStatus]) -> list[tuple[str, str]]:
    return [(value.value, value.value) for value in values]


def new_key() -> str:
    """A key for a return request that no file brought."""
    return uuid.uuid4().hex


class ReturnRequest(models.Model):
    """What a customer asks for: an order line back, and its money."""

    id = models.BigAutoField(primary_key=True)
    # Once, by a constraint and not by `unique`: for that Django adds an index by which to look for the beginning of a
    # key, on PostgreSQL a sixth of the disk and a third of a sweep's time, which nothing uses.
    key = models.CharField(max_length=64, default=new_key, editable=False)
    order_line = models.CharField(max_length=64)
    quantity = models.PositiveIntegerField()
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    reason = models.TextField(blank=True)
    customer = models.CharField(max_length=64, blank=True)
    customer_email = models.EmailField(blank=True)
    # The provider's id of the payment that brought the money, which a refund goes back by; the wallet needs none.
    payment = models.CharField(max_length=255, blank=True)
    # The shop's own id of the return. Empty where its files have none.
    return_id = models.CharField(max_length=64, blank=True, default="", db_default="", editable=False)
    requested_at = models.DateTimeField()
    received_at = models.DateTimeField()
    status = models.CharField(max_length=9, choices=_choices(Status), default=Status.REQUESTED)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    # No index: nothing looks a sweep's rows up by it, and each index on this table slows every sweep.
    sweep = models.ForeignKey("Sweep", models.PROTECT, null=True, blank=True, related_name="+", db_index=False)
    decision_note = models.TextField(blank=True)
    # Its own refund, from its approval on. By this foreign key, checked at the commit, the database refuses an approval
    # without its refund (docs/adr/0011-approved-means-owed.md).
    owed = models.ForeignKey(
        "Refund", models.DO_NOTHING, null=True, blank=True, editable=False, related_name="+", db_index=False
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["key"], name="request_key_once"),
            # Rows without one are not in its index, so that they cost a sweep nothing.
            models.UniqueConstraint(fields=["return_id"], condition=Q(return_id__gt=""), name="request_return_id_once"),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="request_amount_positive"),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="request_quantity_positive"),
            models.CheckConstraint(condition=Q(status__in=list(Status)), name="request_status_known"),
            models.CheckConstraint(condition=Q(received_at__gte=F("requested_at")), name="request_received_after"),
            models.CheckConstraint(
                condition=Q(status=Status.REQUESTED, decided_at=None, sweep=None)
                | (~Q(status=Status.REQUESTED) & Q(decided_at__isnull=False)),
                name="request_decided_has_instant",
            ),
            models.CheckConstraint(
                # Each null is named: an unknown condition is one that holds.
                condition=Q(status=Status.APPROVED, owed__isnull=False, owed=F("id"))
                | (~Q(status=Status.APPROVED) & Q(owed=None)),
                name="request_approved_owes",
            ),
        )
        indexes = (
            # SQLite looks for the request of each refund that is added while approvals wait for theirs.
            models.Index(fields=["owed"], condition=Q(owed__isnull=False), name="request_owed"),
            # Pending rows are few among the decided: every sweep and count reads only these. Behind the id stands what
            # counts and sums want, so that they read no row of the table. A decision takes its row out of the index
            # whatever is in it, and so costs no more. On PostgreSQL `added_in`, of which the ORM knows nothing, is the
            # last column of the index (docs/adr/0019-a-frozen-set-is-a-snapshot.md).
            models.Index(
                fields=["id", "currency", "amount_minor", "received_at"],
                condition=Q(status=Status.REQUESTED),
                name="request_pending",
            ),
        )
        permissions = (
            ("approve_all", "Can approve all pending return requests"),
            ("approve_returnrequest", "Can approve return requests"),
            ("decline_returnrequest", "Can decline return requests"),
        )

    def __str__(self) -> str:
        return f"{self.order_line}: {to_major(self.amount_minor, self.currency)} {self.currency}"


class Sweep(models.Model):
    """One bulk decision over a frozen set: who, when, until when."""

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=7, choices=_choices(Decision))
    # The button's key: a page submitted twice leads to one sweep.
    key = models.CharField(max_length=64, unique=True, null=True, blank=True)
    # The cut-off instant of a decline sweep.
    scheduled_for = models.DateTimeField(null=True, blank=True)
    up_to_id = models.BigIntegerField()
    # PostgreSQL's snapshot when the set was frozen; empty on SQLite, and in sweeps of releases that took none. The
    # database has the default too: a process of such a release starts sweeps until it is restarted.
    snapshot = models.TextField(blank=True, editable=False, db_default="")
    received_from = models.DateTimeField(null=True, blank=True)
    received_before = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField()
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    expires_at = models.DateTimeField(null=True, blank=True)
    planned_at = models.DateTimeField(null=True, blank=True)
    # Closed when all is decided, or when it expired with `left` rows still undecided.
    closed_at = models.DateTimeField(null=True, blank=True)
    left = models.PositiveIntegerField(null=True, blank=True)
    # When its message was sent, or a worker last took it up; the reconciler looks for what stays undone after it.
    dispatched_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(kind__in=list(Decision)), name="sweep_kind_known"),
            models.UniqueConstraint(fields=["kind", "scheduled_for"], name="sweep_one_a_cutoff"),
            models.CheckConstraint(
                condition=Q(
                    kind=Decision.APPROVE,
                    key__isnull=False,
                    scheduled_for=None,
                    received_before=None,
                    received_from__isnull=False,
                    expires_at__isnull=False,
                )
                | Q(
                    kind=Decision.DECLINE,
                    key=None,
                    scheduled_for__isnull=False,
                    received_before__isnull=False,
                    received_before=F("scheduled_for"),
                    received_from=None,
                    expires_at=None,
                ),
                name="sweep_button_or_cutoff",
            ),
            models.CheckConstraint(
                condition=Q(closed_at=None, left=None) | Q(closed_at__isnull=False, left__isnull=False),
                name="sweep_closed_with_count",
            ),
        )
        # What the reconciler and the health check look for twice a minute, among the sweeps of years.
        indexes = (models.Index(fields=["id"], condition=Q(closed_at=None), name="sweep_open"),)

    def __str__(self) -> str:
        return f"{self.kind} sweep {self.pk}"


class Chunk(models.Model):
    """A range of ids of a sweep that one task decides in one transaction."""

    id = models.BigAutoField(primary_key=True)
    sweep = models.ForeignKey(Sweep, models.CASCADE, related_name="chunks", db_index=False)  # the constraint has one
    first_id = models.BigIntegerField()
    last_id = models.BigIntegerField()
    decided = models.PositiveIntegerField(default=0)
    done_at = models.DateTimeField(null=True)
    dispatched_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["sweep", "first_id"], name="chunk_once_a_sweep"),
            models.CheckConstraint(condition=Q(first_id__lte=F("last_id")), name="chunk_not_empty"),
        )
        indexes = (models.Index(fields=["dispatched_at"], condition=Q(done_at=None), name="chunk_open"),)

    def __str__(self) -> str:
        return f"chunk {self.pk} of sweep {self.sweep_id}: ids {self.first_id} to {self.last_id}"


class Refund(models.Model):
    """The money owed for one approved request: one row per request, by its primary key.

    Whatever is pending is still to be paid. Whatever is processing has been accepted by the provider, and must not be
    requested again.
    """

    request = models.OneToOneField(ReturnRequest, models.PROTECT, primary_key=True, related_name="refund")
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=10, choices=_choices(RefundStatus), default=RefundStatus.PENDING)
    created_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    first_attempt_at = models.DateTimeField(null=True, blank=True)
    # How often the payer has said no: its answer is final for the key that it was asked with.
    refusals = models.PositiveIntegerField(default=0, db_default=0)
    # How often a person has tried again; `attempts` and `first_attempt_at` begin anew with each.
    tried_again = models.PositiveIntegerField(default=0, db_default=0)
    # How often an operator has corrected the payment. The provider refuses an old idempotency key for a new payment.
    corrected = models.PositiveIntegerField(default=0, db_default=0)
    # The payments before the corrections, one a line: the refund can have been paid there.
    earlier_payments = models.TextField(blank=True, default="", db_default="")
    # Not to be attempted before; moved ahead while an attempt runs, and by the retry policy after it.
    due_at = models.DateTimeField()
    # When its message was sent, or a worker last had it in hand. None: it has no message, and the reconciler sends one.
    dispatched_at = models.DateTimeField(null=True, blank=True)
    # When the provider accepted the refund without settling it; None: it never did.
    accepted_at = models.DateTimeField(null=True, blank=True)
    # The provider is to be asked how the refund ended, not before; moved ahead while it is being asked. None: nothing
    # to ask. A refund that has succeeded gets one where the provider hints that it has failed since.
    look_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    # When the provider said that a refund which had succeeded has failed; None once an operator has tried again.
    reversed_at = models.DateTimeField(null=True, blank=True)
    # The provider's id of the refund, settled or under way.
    receipt = models.CharField(max_length=255, blank=True)
    failure = models.TextField(blank=True)
    # The customer is owed a mail, not to be sent before; moved ahead while it is being sent. None: nothing to tell.
    notify_at = models.DateTimeField(null=True, blank=True)
    # The outcome that the last mail told, and when.
    notified_of = models.CharField(max_length=10, choices=_choices(RefundStatus), blank=True, db_default="")
    notified_at = models.DateTimeField(null=True, blank=True)
    # Why no notice of the outcome was sent and none will be. Empty where one was, or where there is no address.
    notice_suppressed = models.TextField(blank=True, default="", db_default="")

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="refund_amount_positive"),
            models.CheckConstraint(condition=Q(status__in=list(RefundStatus)), name="refund_status_known"),
            models.CheckConstraint(
                condition=Q(status=RefundStatus.PENDING, settled_at=None, receipt="")
                | (
                    Q(status=RefundStatus.PROCESSING, settled_at=None)
                    & Q(accepted_at__isnull=False, look_at__isnull=False)
                    & ~Q(receipt="")
                )
                | (Q(status=RefundStatus.SUCCEEDED, settled_at__isnull=False) & ~Q(receipt=""))
                | (Q(status=RefundStatus.FAILED, settled_at__isnull=False, receipt="") & ~Q(failure="")),
                name="refund_outcome_complete",
            ),
        )
        indexes = (
            models.Index(fields=["due_at"], condition=Q(status=RefundStatus.PENDING), name="refund_pending"),
            # Few among the paid, and what a person looks for: without it the list of them reads the whole table.
            models.Index(fields=["request"], condition=Q(status=RefundStatus.FAILED), name="refund_failed"),
            models.Index(fields=["look_at"], condition=Q(look_at__isnull=False), name="refund_to_look_up"),
            models.Index(fields=["reversed_at"], condition=Q(reversed_at__isnull=False), name="refund_reversed"),
            models.Index(fields=["notify_at"], condition=Q(notify_at__isnull=False), name="refund_to_notify"),
        )
        permissions = (("retry_refund", "Can try failed refunds again"),)

    def __str__(self) -> str:
        return f"refund {self.pk}: {to_major(self.amount_minor, self.currency)} {self.currency}"

    @property
    def idempotency_key(self) -> str:
        """What the payer knows this refund by: the same until a no or another payment, whatever crashes in between.

        Made of columns that are committed before the first call. The request's key and not the row's id, which a
        database that is made anew gives to another refund.
        """
        parts = [self.request.key]
        if self.refusals or self.corrected:
            parts.append(str(self.refusals))
        if self.corrected:
            parts.append(str(self.corrected))
        return ":".join(parts)


class WalletEntry(models.Model):
    """A customer's credit for one refund, in the ledger of the embedded wallet; the refund says when."""

    refund = models.OneToOneField(Refund, models.PROTECT, primary_key=True, related_name="wallet_entry")
    customer = models.CharField(max_length=64, blank=True)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(amount_minor__gt=0), name="wallet_amount_positive"),)
        verbose_name_plural = "wallet entries"

    def __str__(self) -> str:
        return f"credit for refund {self.pk}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A ledger is only ever added to. Raises TypeError on a change."""
        if not self._state.adding:
            raise TypeError(f"{self} is in the ledger and cannot be changed; add a correcting entry instead")
        super().save(*args, **kwargs)


class WrongClock(models.Model):
    """A host whose clock was found to differ from the database's; by it `health` elsewhere learns of it."""

    host = models.CharField(max_length=255, primary_key=True)
    # By the database's clock.
    seen_at = models.DateTimeField()
    # Seconds; below zero it was behind.
    ahead = models.FloatField()

    def __str__(self) -> str:
        return f"{self.host}: {self.ahead:+.0f} s"


class OptOut(models.Model):
    """An address that wants no mail from here."""

    address = models.EmailField(unique=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(address=Lower("address")), name="opt_out_lower_case"),)
        verbose_name = "opt-out"

    def __str__(self) -> str:
        return self.address
