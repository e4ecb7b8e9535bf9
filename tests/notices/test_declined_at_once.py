"""Two users decline the same requests at once, on connections of their own: PostgreSQL's locks."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connections

from refunds import outbox
from refunds.models import ReturnRequest
from refunds.notices.models import Notice

from ..factories import empty_tables
from .test_declines import decline, requests

pytestmark = pytest.mark.django_db(transaction=True)
# Seconds: more than any statement here takes; a deadlock fails instead of hanging.
LONG = 30
SAID = {"damaged": "It was damaged.", "incomplete": "The left shoe is missing."}


@pytest.fixture(autouse=True)
def tidy(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """Publish nothing, and delete the rows."""
    monkeypatch.setattr(outbox, "_publish", lambda *_: None)
    yield
    empty_tables()


@pytest.mark.parametrize("_attempt", range(5))
def test_notice_has_the_sentence_of_the_user_who_declined(_attempt: int) -> None:
    """Each request is declined by one of the two, and its notice has the sentence that belongs to its code."""
    ids, start = requests(50), Barrier(len(SAID))

    def press(code: str) -> int:
        try:
            start.wait(LONG)
            return decline(ids, code, SAID[code])
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(SAID)) as pool:
        assert sum(pool.map(press, SAID, timeout=LONG)) == len(ids)
    codes = ReturnRequest.objects.values_list("pk", "decision_code")
    assert dict(Notice.objects.values_list("pk", "sentence")) == {pk: SAID[code] for pk, code in codes}
