"""The task as a thin translation."""

import pytest

from refunds.errors import BadArgument, UnknownRow
from refunds.models import Refund
from refunds.tracking import tasks

from ..factories import make_processing
from ..operations.payers import Scripted

pytestmark = pytest.mark.django_db(transaction=True)


def test_unknown_id_fails_and_is_named() -> None:
    """A task about a row that is not there fails with the row's kind and id."""
    with pytest.raises(UnknownRow, match="there is no refund 404; nothing was changed"):
        tasks.look_up_refund(refund_id=404)


@pytest.mark.parametrize("value", ["1", 0, -1, 2**63, 1.0, True, None, [1], {"a": 1}])
def test_id_of_another_shape_is_refused(value: object) -> None:
    """Whatever a message has in place of the id, the error names the argument."""
    with pytest.raises(BadArgument, match="refund_id must be a positive integer of 64 bits"):
        tasks.look_up_refund(refund_id=value)


def test_keyword_of_a_newer_release_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """The refund is looked up all the same."""
    monkeypatch.setattr(tasks, "gateway", lambda: Scripted("re_1"))
    refund = make_processing()
    tasks.look_up_refund(refund_id=refund.pk, newer="keyword")
    assert Refund.objects.get().status == "succeeded"
