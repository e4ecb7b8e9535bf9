"""Which return a row is: by the shop's own id, or by its facts and its number among the rows with equal facts.

docs/adr/0022-the-same-return.md gives the reason for these facts, and says which returns are the same by them.
"""

import hashlib
import sqlite3
from datetime import UTC
from typing import Final

from .errors import BadFile, BadRow
from .rows import Return

# Rows with an id have the number 0, so that rows without an id and with the same facts are found among them.
_WITH_ID: Final = "INSERT INTO seen VALUES (?, 0) ON CONFLICT DO UPDATE SET times = times RETURNING times"
_WITHOUT_ID: Final = (
    "INSERT INTO seen VALUES (?, 1) ON CONFLICT DO UPDATE SET times = times + (times > 0) RETURNING times"
)


def _facts(row: Return) -> bytes:
    """Return the values that are equal in two files that report the same return, separated by NUL, which no value has.

    Reason, customer, e-mail and payment are left out: they change between exports.
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
    """Return the key of the return with this `number` (from 1) among those with its facts: 64 hexadecimal digits.

    Any change of this function would import every file a second time.
    """
    return hashlib.sha256(b"%s\x00%d" % (_facts(row), number)).hexdigest()


class Occurrences:
    """Numbers for the rows of one file, in their order, which distinguish rows with equal facts.

    The facts seen so far are in a nameless SQLite database: 2 MB of it in memory, and the rest, some 30 bytes for each
    different row, in a temporary file (SQLITE_TMPDIR, TMPDIR) that ends with the process.
    """

    def __init__(self) -> None:
        self._seen = sqlite3.connect("", isolation_level=None)
        # The database is never kept or rolled back.
        self._seen.execute("PRAGMA journal_mode = OFF")
        self._seen.execute("CREATE TABLE seen (content BLOB PRIMARY KEY, times INTEGER) WITHOUT ROWID")
        self._seen.execute("BEGIN")

    def close(self) -> None:
        """Delete the database."""
        self._seen.close()

    def number(self, row: Return) -> int:
        """Return the number of the next row among those with its facts; 1 for each row with a return_id.

        Raises BadRow where only some rows with these facts have a return_id: they could be the same return or not.
        Raises BadFile where there is no room to store the facts.
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
