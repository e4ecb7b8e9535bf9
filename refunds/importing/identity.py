"""Identify the return of a row by the shop's id, or by its facts and its number among rows with equal facts."""

import hashlib
import sqlite3
from datetime import UTC
from typing import Final

from .errors import BadFile, BadRow
from .rows import Return

# Rows with a return_id have the number 0, so that a row without one and with the same facts is noticed.
_WITH_ID: Final = "INSERT INTO seen VALUES (?, 0) ON CONFLICT DO UPDATE SET times = times RETURNING times"
_WITHOUT_ID: Final = (
    "INSERT INTO seen VALUES (?, 1) ON CONFLICT DO UPDATE SET times = times + (times > 0) RETURNING times"
)


def _facts(row: Return) -> bytes:
    """Return the values that are equal in all files that report the same return, separated by NUL.

    No value has a NUL. Leave out reason, customer, e-mail and payment, which change between exports.
    """
    parts = (
        row.order_line,
        str(row.quantity),
        str(row.amount_minor),
        row.currency,
        row.requested_at.astimezone(UTC).isoformat(timespec="microseconds"),
    )
    return "\x00".join(parts).encode()


def key(row: Return, number: int) -> str:
    """Return the key, of 64 hexadecimal digits, of the return with this `number` (from 1) among those with its facts.

    If this function changed, an import would add the returns of every file a second time.
    """
    return hashlib.sha256(b"%s\x00%d" % (_facts(row), number)).hexdigest()


class Occurrences:
    """Numbers the rows of one file that have equal facts, in their order.

    A SQLite database without a name has the facts seen so far. It keeps 2 MB in memory. The rest, some 30 bytes for
    each different row, is in a temporary file (SQLITE_TMPDIR, TMPDIR) that ends with the process.
    """

    def __init__(self) -> None:
        self._seen = sqlite3.connect("", isolation_level=None)
        # No journal: nothing keeps the database or rolls it back.
        self._seen.execute("PRAGMA journal_mode = OFF")
        self._seen.execute("CREATE TABLE seen (content BLOB PRIMARY KEY, times INTEGER) WITHOUT ROWID")
        self._seen.execute("BEGIN")

    def close(self) -> None:
        """Delete the database."""
        self._seen.close()

    def number(self, row: Return) -> int:
        """Return the number of the next row among those with its facts; 1 for each row with a return_id.

        Raises BadRow if only some rows with these facts have a return_id: they can be the same return or not. Raises
        BadFile if the disk has no room for the facts.
        """
        statement = _WITH_ID if row.return_id else _WITHOUT_ID
        try:
            ((times,),) = self._seen.execute(statement, (hashlib.sha256(_facts(row)).digest()[:16],))
        except sqlite3.Error as error:
            raise BadFile(f"what was read cannot be kept among the temporary files: {error}") from error
        if bool(row.return_id) != (times == 0):
            raise BadRow(
                "another row of this file has the same order line, quantity, amount, currency and time, and only one "
                "of the two has a return_id; give each its return_id"
            )
        return times or 1
