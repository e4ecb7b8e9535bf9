"""The rows, and what the database itself refuses. Amounts are whole minor units."""

import uuid
from enum import StrEnum
from functools import partial
from typing import Any, Final

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.formats import number_format
from django.utils.translation import gettext, gettext_lazy

from .domain.money import to_major
from .domain.refunds import RefundStatus
from .domain.returns import Decision, Status

USER: Final = settings.AUTH_USER_MODEL


def _choices(values: type[StrEnum]) -> list[tuple[str, Any]]:
    return [(value.value, gettext_lazy(value.value)) for value in values]


def _null(*columns: str, is_null: bool = True) -> Q:
    # Name each nullable column: a CHECK passes where its condition is NULL.
    return Q(**{f"{column}__isnull": is_null for column in columns})


def _check(name: str, condition: Q) -> models.CheckConstraint:
    return models.CheckConstraint(condition=condition, name=name)


def money(minor: int, currency: str) -> str:
    """Return an amount in major units with its currency, in the language that is active: `1,234.50 GBP`."""
    return f"{number_format(to_major(minor, currency), force_grouping=True)} {currency}"


def new_key() -> str:
    """Return a key for a return request that no file brought."""
    return uuid.uuid4().hex


_given = partial(_null, is_null=False)
_REQUESTED, _APPROVED = Q(status=Status.REQUESTED), Q(status=Status.APPROVED)
_DECIDED, _BY_HAND = ~_REQUESTED & _given("decided_at"), _given("decided_at") & _null("sweep")
# The columns that only one kind of sweep has.
_BUTTON, _CUTOFF = ("key", "received_from", "expires_at"), ("scheduled_for", "received_before")


class ReturnRequest(models.Model):
    """What a customer asks for: to give back an order line for its money."""

    # Not `unique`: Django would add an index for LIKE, which on PostgreSQL takes a third of a sweep's time.
    key = models.CharField(max_length=64, default=new_key, editable=False)
    order_line = models.CharField(gettext_lazy("order line"), max_length=64)
    quantity = models.PositiveIntegerField(gettext_lazy("quantity"))
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    reason = models.TextField(gettext_lazy("reason"), blank=True)
    customer = models.CharField(gettext_lazy("customer"), max_length=64, blank=True)
    customer_email = models.EmailField(gettext_lazy("customer email"), blank=True)
    payment = models.CharField(max_length=255, blank=True)  # the provider's id of what is refunded
    # The shop's own id of the return; empty where its files have none.
    return_id = models.CharField(gettext_lazy("return id"), max_length=64, default="", db_default="", editable=False)
    requested_at = models.DateTimeField()
    received_at = models.DateTimeField()
    status = models.CharField(gettext_lazy("status"), max_length=9, choices=_choices(Status), default=Status.REQUESTED)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(USER, models.PROTECT, null=True, blank=True, related_name="+", db_index=False)
    # No index: no query selects by it, and each index on this table slows every sweep.
    sweep = models.ForeignKey("Sweep", models.PROTECT, null=True, blank=True, related_name="+", db_index=False)
    decision_note = models.TextField(gettext_lazy("decision note"), blank=True)
    # Why it was declined: a code of the setting REFUNDS_DECLINE_CODES.
    decision_code = models.CharField(max_length=32, blank=True, default="", db_default="")
    # Its own refund, once approved. At the commit this foreign key refuses an approval without its refund.
    own_refund = models.ForeignKey(
        "Refund", models.DO_NOTHING, null=True, editable=False, related_name="+", db_index=False
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["key"], name="request_key_once"),
            # Its index leaves out the rows without an id: they cost a sweep nothing.
            models.UniqueConstraint(fields=["return_id"], condition=Q(return_id__gt=""), name="request_return_id_once"),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="request_amount_positive"),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="request_quantity_positive"),
            models.CheckConstraint(condition=Q(status__in=list(Status)), name="request_status_known"),
            models.CheckConstraint(condition=Q(received_at__gte=F("requested_at")), name="request_received_after"),
            _check("request_decided_has_instant", (_REQUESTED & _null("decided_at", "sweep")) | _DECIDED),
            _check("request_only_declined_has_code", Q(status=Status.DECLINED) | Q(decision_code="")),
            _check(
                "request_approved_has_refund",
                (_APPROVED & Q(own_refund=F("id")) & _given("own_refund")) | (~_APPROVED & _null("own_refund")),
            ),
        )
        indexes = (
            # SQLite checks the deferred foreign key by it, for each inserted refund.
            models.Index(fields=["own_refund"], condition=Q(own_refund__isnull=False), name="request_own_refund"),
            # What users decided by hand, for the overview. A sweep's rows are not in it, and cost it nothing.
            models.Index(fields=["decided_at", "status"], condition=_BY_HAND, name="request_by_hand"),
            # Sweeps, counts and sums read this index alone. On PostgreSQL the migration appends `added_in`.
            models.Index(
                fields=["id", "currency", "amount_minor", "received_at"], condition=_REQUESTED, name="request_pending"
            ),
        )
        permissions = (
            ("approve_all", "Can approve all pending return requests"),
            ("approve_returnrequest", "Can approve return requests"),
            ("decline_returnrequest", "Can decline return requests"),
        )
        verbose_name, verbose_name_plural = gettext_lazy("return request"), gettext_lazy("return requests")

    def __str__(self) -> str:
        return f"{self.order_line}: {money(self.amount_minor, self.currency)}"


class Sweep(models.Model):
    """One bulk decision over a frozen set."""

    kind = models.CharField(gettext_lazy("kind"), max_length=7, choices=_choices(Decision))
    # The button's key: a page that is submitted twice starts one sweep.
    key = models.CharField(max_length=64, unique=True, null=True, blank=True)
    scheduled_for = models.DateTimeField(null=True, blank=True)  # the cutoff of a decline sweep
    up_to_id = models.BigIntegerField()
    snapshot = models.TextField(blank=True, editable=False, db_default="")  # PostgreSQL's, when the set was frozen
    received_from = models.DateTimeField(null=True, blank=True)
    received_before = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField()
    started_by = models.ForeignKey(USER, models.PROTECT, null=True, blank=True, related_name="+")
    expires_at = models.DateTimeField(null=True, blank=True)
    planned_at = models.DateTimeField(null=True, blank=True)
    # Closed when everything is decided, or when it expired with `left` rows undecided.
    closed_at = models.DateTimeField(null=True, blank=True)
    left = models.PositiveIntegerField(gettext_lazy("left"), null=True, blank=True)
    # When its message was sent, or a worker last took it: the reconciler sends another message some time later.
    dispatched_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(kind__in=list(Decision)), name="sweep_kind_known"),
            models.UniqueConstraint(fields=["kind", "scheduled_for"], name="sweep_one_a_cutoff"),
            models.CheckConstraint(
                condition=(Q(kind=Decision.APPROVE) & _given(*_BUTTON) & _null(*_CUTOFF))
                | (Q(kind=Decision.DECLINE, received_before=F("scheduled_for")) & _given(*_CUTOFF) & _null(*_BUTTON)),
                name="sweep_button_or_cutoff",
            ),
            _check("sweep_closed_with_count", _null("closed_at", "left") | _given("closed_at", "left")),
        )
        # The reconciler reads the open sweeps twice a minute, among those of years.
        indexes = (models.Index(fields=["id"], condition=Q(closed_at=None), name="sweep_open"),)
        verbose_name, verbose_name_plural = gettext_lazy("sweep"), gettext_lazy("sweeps")

    def __str__(self) -> str:
        name = gettext("approve sweep %(id)s") if self.kind == Decision.APPROVE else gettext("decline sweep %(id)s")
        return name % {"id": self.pk}


class Chunk(models.Model):
    """A range of a sweep that one task decides in one transaction."""

    sweep = models.ForeignKey(Sweep, models.CASCADE, related_name="chunks", db_index=False)  # the constraint has one
    first_id = models.BigIntegerField()
    last_id = models.BigIntegerField()
    decided = models.PositiveIntegerField(default=0)
    totals = models.JSONField(default=list)  # of what it decided: lists of currency, count and sum in minor units
    done_at = models.DateTimeField(null=True)
    dispatched_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["sweep", "first_id"], name="chunk_once_a_sweep"),
            models.CheckConstraint(condition=Q(first_id__lte=F("last_id")), name="chunk_not_empty"),
        )
        indexes = (models.Index(fields=["dispatched_at"], condition=Q(done_at=None), name="chunk_open"),)


class Refund(models.Model):
    """The money due for an approved request, whose id it has. Never request a refund again while it is `processing`."""

    request = models.OneToOneField(ReturnRequest, models.PROTECT, primary_key=True, related_name="refund")
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.CharField(
        gettext_lazy("status"), max_length=10, choices=_choices(RefundStatus), default=RefundStatus.PENDING
    )
    created_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(gettext_lazy("attempts"), default=0)
    first_attempt_at = models.DateTimeField(null=True, blank=True)
    # How often an operator has tried again; `attempts` and `first_attempt_at` begin at zero with each.
    tried_again = models.PositiveIntegerField(gettext_lazy("tried again"), default=0, db_default=0)
    # Add 1 after a refusal and after a corrected payment: a provider repeats its refusal for an old key, and refuses an
    # old key with a new payment.
    key_number = models.PositiveIntegerField(default=0, db_default=0)
    # The payments before the corrections, one a line: the refund can have been paid there.
    earlier_payments = models.TextField(blank=True, default="", db_default="")
    # No attempt begins before this time. An attempt moves it later by its lease; the retry policy sets the next one.
    due_at = models.DateTimeField()
    # When its message was sent, or a worker last had it in hand. None: it has no message, and the reconciler sends one.
    dispatched_at = models.DateTimeField(null=True, blank=True)
    accepted_at = models.DateTimeField(null=True, blank=True)  # when the provider accepted it without settling it
    settled_at = models.DateTimeField(null=True, blank=True)  # when it succeeded or failed
    receipt = models.CharField(
        gettext_lazy("receipt"), max_length=255, blank=True
    )  # the provider's id of the refund, settled or under way
    failure = models.TextField(gettext_lazy("failure"), blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="refund_amount_positive"),
            models.CheckConstraint(condition=Q(status__in=list(RefundStatus)), name="refund_status_known"),
            models.CheckConstraint(
                condition=Q(status=RefundStatus.PENDING, settled_at=None, receipt="")
                | (Q(status=RefundStatus.PROCESSING, settled_at=None, accepted_at__isnull=False) & ~Q(receipt=""))
                | (Q(status=RefundStatus.SUCCEEDED, settled_at__isnull=False) & ~Q(receipt=""))
                | (Q(status=RefundStatus.FAILED, settled_at__isnull=False, receipt="") & ~Q(failure="")),
                name="refund_outcome_complete",
            ),
        )
        indexes = (
            models.Index(fields=["due_at"], condition=Q(status=RefundStatus.PENDING), name="refund_pending"),
            # Without it the list of the failed, which are few, reads the whole table.
            models.Index(fields=["request"], condition=Q(status=RefundStatus.FAILED), name="refund_failed"),
            models.Index(fields=["accepted_at"], condition=Q(status=RefundStatus.PROCESSING), name="refund_processing"),
        )
        permissions = (("retry_refund", "Can try failed refunds again"),)
        verbose_name, verbose_name_plural = gettext_lazy("refund"), gettext_lazy("refunds")

    def __str__(self) -> str:
        return gettext("refund %(id)s: %(amount)s") % {"id": self.pk, "amount": money(self.amount_minor, self.currency)}

    @property
    def idempotency_key(self) -> str:
        """Return the idempotency key. It changes only after a refusal or a corrected payment.

        It does not use the row's id, because a recreated database gives that id to another refund.
        """
        return f"{self.request.key}:{self.key_number}" if self.key_number else self.request.key


class WalletEntry(models.Model):
    """A customer's credit for one refund, in the ledger of the embedded wallet."""

    refund = models.OneToOneField(Refund, models.PROTECT, primary_key=True, related_name="wallet_entry")
    customer = models.CharField(gettext_lazy("customer"), max_length=64, blank=True)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)

    class Meta:
        constraints = (models.CheckConstraint(condition=Q(amount_minor__gt=0), name="wallet_amount_positive"),)
        verbose_name, verbose_name_plural = gettext_lazy("wallet entry"), gettext_lazy("wallet entries")

    def __str__(self) -> str:
        return gettext("credit for refund %(id)s") % {"id": self.pk}

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add an entry. Raises TypeError on a change: a ledger only grows."""
        if not self._state.adding:
            raise TypeError(f"{self} is in the ledger and cannot be changed; add a correcting entry instead")
        super().save(*args, **kwargs)
