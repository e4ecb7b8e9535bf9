"""One row of each layout, parsed into a return request's content or refused. Pure: no clock, no I/O."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from . import fields
from .errors import BadRow, shown
from .fields import Cells


@dataclass(frozen=True)
class Return:
    """What a row asks for: the amount in minor units, the instant aware and in UTC, absent texts empty."""

    order_line: str
    quantity: int
    amount_minor: int
    currency: str
    reason: str
    customer: str
    customer_email: str
    requested_at: datetime
    payment: str = ""
    return_id: str = ""


@dataclass(frozen=True)
class Layout:
    """The columns of a kind of file and what a row of them means.

    `parse` takes the cells by column and raises BadRow. `numbers` are the columns that JSON may write as numbers.
    `whole_when_cut` are those of which no beginning is another valid value, or which are not read: where one of them
    is last, a last line without line break is known not to be cut off.
    """

    name: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    numbers: frozenset[str]
    whole_when_cut: frozenset[str]
    parse: Callable[[Cells], Return]

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that the layout knows."""
        return self.required + self.optional


def _own(cells: Cells) -> Return:
    currency = fields.currency(cells, "currency")
    quantity = fields.whole(cells, "quantity")
    if quantity < 1:
        raise BadRow(f"quantity {quantity} is not positive")
    return Return(
        order_line=fields.visible(
            "order_line", fields.required(cells, "order_line"), limit=fields.longest("order_line")
        ),
        quantity=quantity,
        amount_minor=fields.amount(cells, "amount", currency),
        currency=currency,
        reason=_reason(cells, "reason"),
        customer=fields.identifier(cells, "customer", limit=fields.longest("customer")),
        customer_email=fields.email(cells, "customer_email"),
        requested_at=fields.instant(cells, "requested_at"),
        payment=fields.identifier(cells, "payment", limit=fields.longest("payment")),
        return_id=fields.identifier(cells, "return_id", limit=fields.longest("return_id")),
    )


# The shop is British: its clocks are London's, its prices pounds.
_SHOP_ZONE: Final = ZoneInfo("Europe/London")
_SHOP_CURRENCY: Final = "GBP"


def _online_retail(cells: Cells) -> Return:
    quantity = -fields.whole(cells, "Quantity")
    if quantity < 1:
        raise BadRow(f"Quantity {-quantity} is not negative: not a return")
    order_line = f"{fields.required(cells, 'InvoiceNo')}/{fields.required(cells, 'StockCode')}"
    price = fields.unit_price(cells, "UnitPrice", _SHOP_CURRENCY)
    return Return(
        order_line=fields.visible("InvoiceNo/StockCode", order_line, limit=fields.longest("order_line")),
        quantity=quantity,
        amount_minor=fields.total(price, quantity, _SHOP_CURRENCY),
        currency=_SHOP_CURRENCY,
        reason=_reason(cells, "Description"),
        customer=fields.visible(
            "CustomerID", cells.get("CustomerID", "").strip().removesuffix(".0"), limit=fields.longest("customer")
        ),
        customer_email="",
        requested_at=fields.wall_time(cells, "InvoiceDate", _SHOP_ZONE),
    )


def _reason(cells: Cells, name: str) -> str:
    return fields.checked(name, cells.get(name, "").strip(), limit=fields.LONGEST_REASON)


OWN: Final = Layout(
    name="own",
    required=("order_line", "quantity", "amount", "currency", "requested_at"),
    optional=("reason", "customer", "customer_email", "payment", "return_id"),
    numbers=frozenset({"quantity", "amount"}),
    whole_when_cut=frozenset({"currency", "requested_at"}),
    parse=_own,
)
ONLINE_RETAIL: Final = Layout(
    name="online-retail",
    required=("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"),
    optional=("Country",),
    numbers=frozenset({"Quantity", "UnitPrice", "CustomerID"}),
    whole_when_cut=frozenset({"InvoiceDate", "Country"}),
    parse=_online_retail,
)
LAYOUTS: Final[Mapping[str, Layout]] = MappingProxyType({layout.name: layout for layout in (OWN, ONLINE_RETAIL)})


def parse(layout: Layout, cells: Cells, now: datetime) -> Return:
    """The return that the row asks for, not later than `now` (aware). Raises BadRow with the first thing wrong."""
    row = layout.parse(cells)
    if row.requested_at > now:
        raise BadRow(f"requested in the future: {shown(row.requested_at.isoformat())} is later than the import")
    return row
