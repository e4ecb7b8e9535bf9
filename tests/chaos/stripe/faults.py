"""What can go wrong on the way to a payer and back: each a function of one call, and two tables of them."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol


@dataclass(frozen=True)
class Answer:
    """What a client is told."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})


class Exchange(Protocol):
    """One call, and what may be done with it."""

    def forward(self) -> Answer:
        """Have the payer do it; the payer's answer."""
        ...

    def hold(self) -> None:
        """Have the payer do it later, after the client's next try that reaches the payer."""
        ...

    def keep(self, answer: Answer) -> None:
        """Answer the client's next tries like this, without the payer."""
        ...

    def answer(self, answer: Answer, *, missing: int = 0) -> None:
        """Tell the client; the answer promises so many bytes more than come."""
        ...

    def hang(self) -> None:
        """Say nothing until the client has gone."""
        ...

    def close(self) -> None:
        """End the connection in good order, without a further word."""
        ...

    def reset(self) -> None:
        """End the connection by a reset."""
        ...


Fault = Callable[[Exchange], None]


def _error(status: int, kind: str, code: str, message: str, **headers: str) -> Answer:
    """An error as Stripe writes it (https://docs.stripe.com/api/errors)."""
    error = {"error": {"type": kind, "code": code, "message": message}}
    return Answer(status, json.dumps(error).encode(), {"Content-Type": "application/json", **headers})


TOO_MANY: Final = _error(
    429, "invalid_request_error", "rate_limit", "Request rate limit exceeded.", **{"Retry-After": "1"}
)
BROKEN: Final = _error(500, "api_error", "", "An unknown error occurred")
IN_USE: Final = _error(
    409, "idempotency_error", "idempotency_key_in_use", "There is currently another in-progress request using this key."
)
PAGE: Final = Answer(200, b"<!doctype html><title>Sign in to the network</title>", {"Content-Type": "text/html"})


def too_many_calls(call: Exchange) -> None:
    """429, with a time to wait."""
    call.answer(TOO_MANY)


def error_before(call: Exchange) -> None:
    """500, and nothing was done."""
    call.answer(BROKEN)


def error_after(call: Exchange) -> None:
    """500, although it was done."""
    call.forward()
    call.answer(BROKEN)


def error_kept(call: Exchange) -> None:
    """500 although it was done, and again for each try with the same key, as Stripe answers: only a search finds it."""
    call.forward()
    call.keep(BROKEN)
    call.answer(BROKEN)


def key_in_use(call: Exchange) -> None:
    """409: an earlier try with this key is still at work."""
    call.answer(IN_USE)


def hang_before(call: Exchange) -> None:
    """Silence, and nothing was done."""
    call.hang()


def hang_after(call: Exchange) -> None:
    """Silence, although it was done."""
    call.forward()
    call.hang()


def late(call: Exchange) -> None:
    """Silence, and done only after the client has tried again: without the key it would be done twice."""
    call.hold()
    call.hang()


def reply_lost(call: Exchange) -> None:
    """Done, and the connection ends without the answer."""
    call.forward()
    call.close()


def reset_before(call: Exchange) -> None:
    """A reset, and nothing was done."""
    call.reset()


def reset_after(call: Exchange) -> None:
    """A reset, although it was done."""
    call.forward()
    call.reset()


def cut_short(call: Exchange) -> None:
    """Done, and the connection ends in the middle of the answer."""
    answer = call.forward()
    half = len(answer.body) // 2
    call.answer(Answer(answer.status, answer.body[:half]), missing=len(answer.body) - half)
    call.close()


def half_a_json(call: Exchange) -> None:
    """Done, and answered by the first half of the JSON as if it were all."""
    answer = call.forward()
    call.answer(Answer(200, answer.body[: len(answer.body) // 2]))


def html(call: Exchange) -> None:
    """A page of somebody else's, with a good status."""
    call.answer(PAGE)


def bad_gateway(call: Exchange) -> None:
    """502 in the JSON of a server in between."""
    call.answer(Answer(502, b'{"error": "Bad Gateway"}'))


def something_else(call: Exchange) -> None:
    """JSON with a good status that is neither a refund nor a list of them."""
    call.answer(Answer(200, b'{"object": "balance", "available": []}'))


def no_object(call: Exchange) -> None:
    """JSON with a good status that is not even an object."""
    call.answer(Answer(200, b"[]"))


# A search does nothing, so that before and after are the same to it.
SEARCH: Final[tuple[Fault, ...]] = (
    too_many_calls,
    error_before,
    hang_before,
    reply_lost,
    reset_before,
    cut_short,
    half_a_json,
    html,
    bad_gateway,
    something_else,
    no_object,
)
REFUND: Final[tuple[Fault, ...]] = (
    *SEARCH,
    error_after,
    error_kept,
    key_in_use,
    hang_after,
    late,
    reset_after,
)
FAULTS: Final[Mapping[str, tuple[Fault, ...]]] = {"GET": SEARCH, "POST": REFUND}
