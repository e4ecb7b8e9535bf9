"""Where optional rooms hook in: the core sends these signals and knows none of the receivers."""

# Each signal is sent by `send`: an error of a receiver is the sender's error, and rolls back the sender's transaction.

from datetime import timedelta
from typing import Any, Final

from django.dispatch import Signal

# Refunds were settled at `now` (aware): they have succeeded or failed. Sent inside the outcome's transaction. Receivers
# take the refunds of `id_range` (an IdRange) whose `settled_at` is `now`.
refunds_settled: Final = Signal()
# Return requests were declined at `now`, for the reason `code`. Sent inside the transaction of the decision. `rows`
# selects them; `asked` has what the fields of rooms got on the page of "Decline selected", by name.
requests_declined: Final = Signal()
# Refunds have left the state `failed` at `now`; `ids` is a sequence. Sent inside the transaction of the change.
refunds_reopened: Final = Signal()
# A provider has accepted `refund` (the row before the change) at `now` and settles it later. Sent inside the
# transaction of the change. It needs a receiver, which learns how the refund ends: see gateways.check_tracked.
refund_accepted: Final = Signal()
# `refund` (the locked row) got a second `receipt` at `now`: it was possibly paid twice. Sent inside a transaction.
second_receipt: Final = Signal()
# Payments are about to begin. Return the condition (a Q on refunds) under which a refund is not held back. It becomes a
# part of the statement that begins a payment.
payment_asked: Final = Signal()
# A task is about to make `calls` calls to the provider of `gateway`. Return whether it can. A receiver that waits calls
# `waiting` first; None forbids it to wait.
call_asked: Final = Signal()
# Return how many calls (1 or more) `gateway` can make within `time` (a timedelta), or None if any number.
share_asked: Final = Signal()
# The reconciler runs at `now`. A message counts as under way for `patience`; `gateway` pays.
# Return a dict of counts: the name of what was sent again, and how many.
reconciling: Final = Signal()
# `health` asks at `now` what is overdue. Return a list of lines, one per overdue item.
health_requested: Final = Signal()
# A page of the app is shown to `user` at `now`. Return a list of (level, text, URL or ""). The level is one of Django's
# messages, such as "warning". A text can be HTML if format_html made it.
banner_requested: Final = Signal()
# A page tells `user` at `now` what waits. Return a list of (text, URL or "") of what that user can view.
waiting_requested: Final = Signal()
# A page lists for `user` what shows the tasks themselves. Return a list of (label, URL) of what that user can view.
tools_requested: Final = Signal()
# A page shows `user` at `now` what happened to the return request `row`. Return a list of (instant, text, URL or "").
history_requested: Final = Signal()
# The audit runs. Return a dict: the name of a contradiction, and how many rows have it.
audit_requested: Final = Signal()
# A process acts on a cutoff at `now`, by its own clock. Return the time to act by instead, or raise ClocksDiffer.
clock_asked: Final = Signal()


def answers(signal: Signal, **arguments: Any) -> list[Any]:
    """Send the signal, and return the answers of its receivers."""
    return [answer for _, answer in signal.send(None, **arguments)]


def share(gateway: object, time: timedelta) -> int | None:
    """Return how many calls the gateway can make within `time`, at least 1; None if any number."""
    return next(filter(None, answers(share_asked, gateway=gateway, time=time)), None)
