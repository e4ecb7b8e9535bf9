"""The embedded wallet: a customer's credit, in a ledger in the database that holds the refunds."""

from datetime import datetime

from django.utils.translation import gettext

from .. import queries
from ..domain.refunds import TRY_AGAIN
from ..domain.sweeps import IdRange
from ..errors import BadInput
from ..models import ReturnRequest, WalletEntry
from .base import Order, Settled


class Wallet:
    """Credits customers in the ledger of wallet entries, whose primary key is the refund: a second one cannot exist."""

    prefix = queries.RECEIPT

    @staticmethod
    def check_payment(payment: str) -> None:
        """Raise BadInput for any id: the wallet credits the customer."""
        text = gettext('the wallet credits the customer and needs no payment; use "%(try_again)s"')
        raise BadInput(text % {"try_again": gettext(TRY_AGAIN)})

    def refund(self, order: Order, idempotency_key: str) -> Settled:
        """Credit one refund, which settles it; the refund's id does the work of the idempotency key."""
        amount = {"amount_minor": order.amount_minor, "currency": order.currency}
        entry = WalletEntry(refund_id=order.refund_id, customer=order.customer, **amount)
        WalletEntry.objects.bulk_create([entry], ignore_conflicts=True)
        return Settled(f"{queries.RECEIPT}{order.refund_id}")

    def credit_range(self, id_range: IdRange, now: datetime) -> None:
        """Credit what was settled by the wallet at `now` in the range. Requires the transaction that settled it."""
        # For each table: PostgreSQL does not pass a range on by a join, and can read the others from end to end.
        within = {"pk__gte": id_range.first_id, "pk__lte": id_range.last_id}
        of_refund = {f"refund__{name}": value for name, value in within.items()}
        settled = {"refund__settled_at": now, "refund__receipt__startswith": self.prefix}
        rows = ReturnRequest.objects.filter(**settled, **within, **of_refund)
        columns = ("pk", "customer", "refund__amount_minor", "refund__currency")
        queries.insert_select(WalletEntry, "refund customer amount_minor currency", rows.values_list(*columns))
