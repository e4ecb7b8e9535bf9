"""Run the importer's statements on return requests, each for a whole batch, on SQLite and PostgreSQL alike."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import IntegrityError, connections, models, router, transaction
from django.db.models import BooleanField
from django.db.models.expressions import RawSQL

from ..domain.returns import Status
from ..models import ReturnRequest

_TABLE: Final = ReturnRequest._meta.db_table
# As SQL, so that SQLite uses the partial index (queries._has).
_HAS_RETURN_ID: Final = RawSQL(f"{_TABLE}.return_id > ''", (), output_field=BooleanField())  # noqa: S611  # constants
# How each database reads an array of JSON arrays as rows, and the value at an index of a row. SQLite's values keep
# their types; PostgreSQL's are text and need a cast to the column's type.
_ROWS_OF: Final = {
    "sqlite": ("json_each(%s)", "json_extract(value, '$[{index}]')"),
    "postgresql": ("json_array_elements(%s)", "(value ->> {index}){cast}"),
}
_TEXT: Final = models.CharField | models.TextField


def add_requests(columns: Sequence[str], rows: Sequence[Sequence[Any]], now: datetime) -> list[tuple[str, str, int]]:
    """Add a pending request, received at `now`, for each of `rows` whose key and return_id are not stored yet.

    `columns` names the values of each row, and includes `key`. Return (key, currency, minor units) of each added
    request. If two imports add the same request at once, a constraint makes the second do nothing.
    """
    connection = connections[router.db_for_write(ReturnRequest)]
    source, column = _ROWS_OF[connection.vendor]
    fields = map(ReturnRequest._meta.get_field, columns)
    casts = ["" if isinstance(field, _TEXT) else f"::{field.db_type(connection)}" for field in fields]
    values = (column.format(index=index, cast=cast) for index, cast in enumerate(casts))
    adapted = connection.ops.adapt_datetimefield_value
    # Pass all rows as one parameter: a placeholder for each value takes several times as long.
    packed = json.dumps(rows, default=lambda instant: str(adapted(instant)))
    # Without WHERE, SQLite would read ON CONFLICT as the ON of a join.
    statement = f"""INSERT INTO {_TABLE} ({", ".join(columns)}, received_at, status, decision_note)
        SELECT {", ".join(values)}, %s, %s, '' FROM {source} WHERE true
        ON CONFLICT DO NOTHING RETURNING key, currency, amount_minor"""  # noqa: S608  # names of columns
    with connection.cursor() as cursor:
        cursor.execute(statement, (adapted(now), Status.REQUESTED, packed))
        added: list[tuple[str, str, int]] = cursor.fetchall()
    return added


def with_return_ids(ids: Iterable[str]) -> dict[str, ReturnRequest]:
    """Return the stored requests that have one of these return_ids, by return_id."""
    return {row.return_id: row for row in ReturnRequest.objects.filter(_HAS_RETURN_ID, return_id__in=list(ids))}


def give_return_id(key: str, return_id: str) -> bool:
    """Set the return_id of the request with this key. Return False if it has one, or another request has this one."""
    try:
        with transaction.atomic():
            return bool(ReturnRequest.objects.filter(key=key, return_id="").update(return_id=return_id))
    except IntegrityError:
        return False
