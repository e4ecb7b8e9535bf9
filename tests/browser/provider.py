"""A payment provider that refuses what a test says, and keeps books of all that it has paid."""

import json
from pathlib import Path
from typing import NamedTuple

from refunds.gateways import Order, Refused, Settled

# In the working folder of the worker: which payments are refused, and why; and a line for each refund that was paid.
REFUSED, BOOKS = Path("refused.json"), Path("books")


class Paid(NamedTuple):
    """A refund in the books."""

    key: str
    reference: str
    payment: str
    amount_minor: int
    currency: str


class Provider:
    """A gateway. As real providers do, it knows a repeated call by its key alone: another key pays a second time."""

    def refund(self, order: Order, idempotency_key: str) -> Settled:
        """Pay, once for each key. An order that was asked before is first looked up by its reference."""
        books = paid(Path())
        for number, entry in enumerate(books):
            if entry.key == idempotency_key or (order.asked_before and entry.reference == order.reference):
                return Settled(f"re_{number}")
        if why := json.loads(REFUSED.read_text()).get(order.payment):
            raise Refused(why)
        entry = Paid(idempotency_key, order.reference, order.payment, order.amount_minor, order.currency)
        with BOOKS.open("a") as file:
            file.write(json.dumps(entry) + "\n")
        return Settled(f"re_{len(books)}")


def refuse(folder: Path, payments: dict[str, str]) -> None:
    """Make the provider of this folder refuse these payments with these words, and no others."""
    (folder / REFUSED).write_text(json.dumps(payments))


def paid(folder: Path) -> list[Paid]:
    """Return the books of the provider of this folder, the first refund first."""
    books = folder / BOOKS
    return [Paid(*json.loads(line)) for line in books.read_text().splitlines()] if books.exists() else []
