"""Frozen sets: which return requests were committed at an instant, so that a later decision takes no others.

PostgreSQL gives an id at INSERT and shows its row at COMMIT: a row below the highest id can appear later. There a
frozen set is the highest id and a snapshot of the committed transactions. SQLite has one writer (BEGIN IMMEDIATE), so
rows appear in the order of their ids, and the highest id is enough.
"""

from typing import Final

from django.db import connections, router
from django.db.models import BooleanField, Q, TextField
from django.db.models.expressions import RawSQL

from .domain.sweeps import Frozen
from .models import ReturnRequest, Sweep

# The outermost transaction that inserted the row; the system column xmin can be a savepoint's. Only the migration knows
# the column, and only on PostgreSQL.
ADDED_IN: Final = f"{ReturnRequest._meta.db_table}.added_in"
# Whether that transaction had committed when the snapshot was taken.
SEEN: Final = f"pg_visible_in_snapshot({ADDED_IN}, %s::pg_snapshot)"
# Whether the row was restored from a cluster that was ahead of this one (pg_restore): a visible row's transaction here
# is below the present xmax. A snapshot that is ahead too came with the row, and SEEN compares the two.
RESTORED: Final = (
    f"({ADDED_IN} >= pg_snapshot_xmax(pg_current_snapshot())"
    " AND pg_snapshot_xmax(%s::pg_snapshot) <= pg_snapshot_xmax(pg_current_snapshot()))"
)
# Whether the present transaction inserted the row.
OWN: Final = f"COALESCE({ADDED_IN} = pg_current_xact_id_if_assigned(), false)"


def freeze() -> Frozen:
    """Freeze what is committed now. A row that is committed later, wherever its id lies, is not in the set."""
    # From the database that writes (a standby has its own snapshots), by one statement, and so of one instant.
    database = connections[router.db_for_write(ReturnRequest)]
    snapshot = "pg_current_snapshot()::text" if database.vendor == "postgresql" else "''"
    columns = ("pk", RawSQL(snapshot, (), output_field=TextField()))  # noqa: S611  # constants
    found = ReturnRequest.objects.using(database.alias).order_by("-pk").values_list(*columns).first()
    return Frozen(*found) if found else Frozen(0)


def frozen_in(frozen: Frozen | Sweep) -> Q:
    """Return the condition that a return request is in the frozen set; it is never null, and can be negated."""
    up_to = Q(pk__lte=frozen.up_to_id)
    if not frozen.snapshot:
        return up_to
    # Outside a transaction there are no rows of our own, and this function would prevent a parallel count.
    own = [OWN] if connections[router.db_for_write(ReturnRequest)].in_atomic_block else []
    sql = f"({' OR '.join([SEEN, RESTORED, *own])})"
    snapshot = RawSQL(sql, (frozen.snapshot,) * sql.count("%s"), output_field=BooleanField())  # noqa: S611  # constants
    return up_to & Q(snapshot)
