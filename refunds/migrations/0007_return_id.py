"""The shop's own id of a return, and keys made of a return's facts instead of every cell of its row.

Rows that files brought before get the key that the same row gets now, so that the files are still known. The payer goes
on knowing a refund that was attempted by the key of then.
"""

import hashlib
import unicodedata
from collections import Counter
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

from django.db import migrations, models
from django.db.models import OuterRef, Q, Subquery
from django.db.models.functions import Length

# A key of an imported row: SHA-256 in hexadecimal digits. A row that no file brought has 32 digits of a UUID.
IMPORTED = 64
BATCH = 1_000


def keep_references(apps: Any, schema_editor: Any) -> None:
    """Write down what the payer may have heard, before the keys change."""
    request, refund = (apps.get_model("refunds", name) for name in ("ReturnRequest", "Refund"))
    heard = refund.objects.using(schema_editor.connection.alias).filter(Q(attempts__gt=0) | Q(tried_again__gt=0))
    heard.update(old_reference=Subquery(request.objects.filter(pk=OuterRef("pk")).values("key")))


def make_keys(apps: Any, schema_editor: Any) -> None:
    """Number the imported rows with equal facts in the order of their ids: which of them has which number is all one."""
    requests = apps.get_model("refunds", "ReturnRequest").objects.using(schema_editor.connection.alias)
    rows = requests.annotate(length=Length("key")).filter(length=IMPORTED)
    changed: list[Any] = []
    # Equal facts have one instant: only the rows of one are remembered at a time.
    ordered = rows.order_by("requested_at", "pk").iterator(chunk_size=BATCH)
    for _, of_an_instant in groupby(ordered, key=attrgetter("requested_at")):
        seen: Counter[bytes] = Counter()
        for row in of_an_instant:
            facts = _facts(row, row.requested_at)
            seen[facts] += 1
            row.key = hashlib.sha256(b"%s\x00%d" % (facts, seen[facts])).hexdigest()
            changed.append(row)
        if len(changed) >= BATCH:
            requests.bulk_update(changed, ["key"], batch_size=BATCH)
            changed.clear()
    if changed:
        requests.bulk_update(changed, ["key"], batch_size=BATCH)


def _facts(row: Any, requested_at: datetime) -> bytes:
    parts = (
        unicodedata.normalize("NFC", row.order_line),
        str(row.quantity),
        str(row.amount_minor),
        row.currency,
        requested_at.astimezone(UTC).isoformat(timespec="microseconds"),
    )
    return "\x00".join(parts).encode()


class Migration(migrations.Migration):
    dependencies = [
        ("refunds", "0006_pending_holds_sums"),
    ]

    operations = [
        migrations.AddField(
            model_name="returnrequest",
            name="return_id",
            field=models.CharField(blank=True, db_default="", default="", editable=False, max_length=64),
        ),
        migrations.AddField(
            model_name="refund",
            name="notice_suppressed",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddField(
            model_name="refund",
            name="old_reference",
            field=models.CharField(blank=True, db_default="", default="", editable=False, max_length=64),
        ),
        # The way back leaves the keys as they are: the cells that the old ones were made of need not be there any more.
        migrations.RunPython(keep_references, migrations.RunPython.noop),
        migrations.RunPython(make_keys, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="returnrequest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("return_id__gt", "")), fields=("return_id",), name="request_return_id_once"
            ),
        ),
    ]
