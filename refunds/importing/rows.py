"""One row, parsed by its layout into a return request's content or refused. Pure: no clock, no I/O."""

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from decimal import Context, Decimal
from typing import Final

from ..domain.money import BadAmount, to_minor
from . import dates, fields, numbers
from .errors import BadRow, shown
from .fields import Cells
from .layout import UNIT_PRICE, Bound


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


# Texts that came later, each empty where a file has none: a layout can read them as soon as they are in Return.
_LATER: Final = tuple(each.name for each in dataclasses.fields(Return) if each.default == "")
OPTIONAL: Final = ("reason", "customer", "customer_email", *_LATER)
# Enough for the product of the longest numbers that fields lets through: nothing is rounded.
_EXACT: Final = Context(prec=200)


def parse(bound: Bound, cells: Cells, now: datetime) -> Return:
    """The return that the row asks for, not later than `now` (aware). Raises BadRow with the first thing wrong.

    `cells` are by the names of the file's columns.
    """
    layout = bound.layout
    for name, accepted in bound.accepted:
        if (value := cells.get(name, "").strip()) not in accepted:
            wanted = " or ".join(sorted(map(ascii, accepted)))
            raise BadRow(f"{name} is {shown(value)}; layout {layout.name} takes rows with {wanted} alone")
    currency = fields.required(*bound.at("currency", cells))
    quantity = _quantity(bound, cells)
    order_line = _order_line(bound, cells)
    row = Return(
        order_line=order_line,
        quantity=quantity,
        amount_minor=_minor(_amount(bound, cells, quantity), currency),
        currency=currency,
        reason=_text(bound, cells, "reason", one_line=False),
        customer=_text(bound, cells, "customer"),
        customer_email=fields.email(*bound.at("customer_email", cells)),
        requested_at=dates.instant(*bound.at("requested_at", cells), layout.dates, layout.zone),
        **{name: _text(bound, cells, name) for name in _LATER},
    )
    if row.requested_at > now:
        raise BadRow(f"requested in the future: {shown(row.requested_at.isoformat())} is later than the import")
    return row


def _text(bound: Bound, cells: Cells, name: str, *, one_line: bool = True) -> str:
    found, label = bound.at(name, cells)
    value = found.get(label, "").strip()
    # Nearly every file leaves some of the texts out.
    return value and fields.checked(label, value, limit=fields.longest(name), one_line=one_line)


def _order_line(bound: Bound, cells: Cells) -> str:
    for column in bound.columns["order_line"]:  # of several that are joined, each
        fields.required(cells, column)
    return _text(bound, cells, "order_line")


def _quantity(bound: Bound, cells: Cells) -> int:
    layout = bound.layout
    found, name = bound.at("quantity", cells)
    quantity = fields.whole(numbers.plain(found, name, layout.decimal, layout.thousands), name)
    if layout.negative_quantity:
        if quantity >= 0:
            raise BadRow(f"{name} {quantity} is not negative: not a return")
        return -quantity
    if quantity < 1:
        raise BadRow(f"{name} {quantity} is not positive")
    return quantity


def _amount(bound: Bound, cells: Cells, quantity: int) -> Decimal:
    layout = bound.layout
    by_unit = UNIT_PRICE in bound.columns
    found, name = bound.at(UNIT_PRICE if by_unit else "amount", cells)
    amount = fields.decimal(numbers.plain(found, name, layout.decimal, layout.thousands), name)
    if layout.negative_amount:
        if amount >= 0:
            raise BadRow(f"{name} {amount:.12g} is not negative: not a return")
        amount = _EXACT.minus(amount)
    return _product(amount, quantity) if by_unit else amount


def _product(price: Decimal, quantity: int) -> Decimal:
    """The exact product with no more decimals than it needs: 12 times 0.125 is 1.5, for which nobody wrote 1.500."""
    product = _EXACT.multiply(price, Decimal(quantity)).normalize(_EXACT)
    exponent = product.as_tuple().exponent
    return product.quantize(Decimal(1), context=_EXACT) if isinstance(exponent, int) and exponent > 0 else product


def _minor(amount: Decimal, currency: str) -> int:
    try:
        return to_minor(amount, currency)
    except BadAmount as error:
        raise BadRow(str(error)) from error
