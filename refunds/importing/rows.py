"""Parse one row by its layout into the content of a return request, or reject it. Pure: no clock, no I/O."""

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from . import dates, fields, numbers
from .errors import BadRow, shown
from .fields import Cells
from .layout import UNIT_PRICE, Bound


@dataclass(frozen=True)
class Return:
    """Hold the content of a row. `requested_at` is aware and in UTC, and absent texts are empty."""

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


# Texts with an empty default. A layout can read each field of Return, without further code here.
_LATER: Final = tuple(each.name for each in dataclasses.fields(Return) if each.default == "")
OPTIONAL: Final = ("reason", "customer", "customer_email", *_LATER)


def parse(bound: Bound, cells: Cells, now: datetime) -> Return:
    """Return the row's content, requested at `now` (aware) or before. Raises BadRow with the first error.

    `cells` has the names of the file's columns as keys.
    """
    _check_accepted(bound, cells)
    currency = fields.currency(*bound.at("currency", cells))
    quantity = _quantity(bound, cells)
    order_line = _order_line(bound, cells)
    row = Return(
        order_line=order_line,
        quantity=quantity,
        amount_minor=_amount(bound, cells, quantity, currency),
        currency=currency,
        reason=_reason(bound, cells),
        customer=_identifier(bound, cells, "customer"),
        customer_email=fields.email(*bound.at("customer_email", cells)),
        requested_at=dates.instant(*bound.at("requested_at", cells), bound.layout.dates, bound.layout.zone),
        **{name: _identifier(bound, cells, name) for name in _LATER},
    )
    if row.requested_at > now:
        raise BadRow(f"requested in the future: {shown(row.requested_at.isoformat())} is later than the import")
    return row


def _check_accepted(bound: Bound, cells: Cells) -> None:
    for name, accepted in bound.accepted:
        if (value := cells.get(name, "").strip()) not in accepted:
            wanted = " or ".join(sorted(map(ascii, accepted)))
            raise BadRow(f"{name} is {shown(value)}; layout {bound.layout.name} takes rows with {wanted} alone")


def _reason(bound: Bound, cells: Cells) -> str:
    found, label = bound.at("reason", cells)
    return fields.checked(label, found.get(label, "").strip(), limit=fields.LONGEST_REASON)


def _identifier(bound: Bound, cells: Cells, name: str) -> str:
    found, label = bound.at(name, cells)
    # Check only a text that the row has: nearly every file lacks some.
    return (found.get(label) and fields.identifier(found, label, limit=fields.longest(name))) or ""


def _order_line(bound: Bound, cells: Cells) -> str:
    for column in bound.columns["order_line"]:  # each of several joined columns
        fields.required(cells, column)
    return _identifier(bound, cells, "order_line")


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


def _amount(bound: Bound, cells: Cells, quantity: int, currency: str) -> int:
    layout = bound.layout
    by_unit = UNIT_PRICE in bound.columns
    found, name = bound.at(UNIT_PRICE if by_unit else "amount", cells)
    found = numbers.plain(found, name, layout.decimal, layout.thousands)
    if layout.negative_amount:
        found = numbers.negated(found, name)
    if by_unit:
        return fields.total(fields.unit_price(found, name, currency), quantity, currency)
    return fields.amount(found, name, currency)
