"""Which return a row is: the same row of the same file is the same return, however often the file is imported."""

import hashlib
import sqlite3
from datetime import UTC
from typing import Final

from .errors import BadFile
from .rows import Return

COUNTED: Final = "INSERT INTO seen VALUES (?, 1) ON CONFLICT DO UPDATE SET times = times + 1 RETURNING times"


def _canonical(row: Return) -> bytes:
    """What the row means, not how it is written; NUL, which no value holds, keeps the parts apart."""
    parts = (
        row.order_line,
        str(row.quantity),
        str(row.amount_minor),
        row.currency,
        row.reason,
        row.customer,
        row.customer_email,
        row.requested_at.astimezone(UTC).isoformat(timespec="microseconds"),
        # Only where there is one: a file from before this column is still known.
        *filter(None, (row.payment,)),
    )
    return "\x00".join(parts).encode()


class Occurrences:
    """Keys for the rows of one file, in their order: equal rows are told apart by which of them it is.

    What it has seen is in a nameless SQLite database, of which 2 MB are in memory and the rest, some 30 bytes for each
    different row, in a file among the temporary ones (SQLITE_TMPDIR, TMPDIR) that is gone when the process is.
    """

    def __init__(self) -> None:
        self._seen = sqlite3.connect("", isolation_level=None)
        # Nothing of it is to be kept, or taken back.
        self._seen.execute("PRAGMA journal_mode = OFF")
        self._seen.execute("CREATE TABLE seen (content BLOB PRIMARY KEY, times INTEGER) WITHOUT ROWID")
        self._seen.execute("BEGIN")

    def close(self) -> None:
        """Forget them all."""
        self._seen.close()

    def key(self, row: Return) -> str:
        """The key of the next row: 64 hexadecimal digits. Changing how it is made would import every file anew.

        Raises BadFile where there is no room to remember it.
        """
        content = hashlib.sha256(_canonical(row))
        try:
            ((nth,),) = self._seen.execute(COUNTED, (content.digest()[:16],))
        except sqlite3.Error as error:
            raise BadFile(f"what was read cannot be kept among the temporary files: {error}") from error
        content.update(f"\x00{nth}".encode())
        return content.hexdigest()
