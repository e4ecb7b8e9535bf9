"""What is put on the queue, by name, and what the worker is to say of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from . import bodies, garbage, headers
from .wire import Message, calling, pay

# What the worker's log says. `REFUSED` before anything of it runs, `FAILED` by the task, which changed nothing.
REFUSED = r"Received invalid task message: (?!$)"
UNKNOWN = r"Received unregistered task of type"
# Before the consumer sees it.
UNREADABLE = r"Unreadable: payments: .* It is in the list \S*refunds\.dead-letters\. "
# A broker that has it in the queue as JSON keeps it, RabbitMQ hands it to the consumer.
TOO_LONG = rf"{REFUSED}|{UNREADABLE}"
FAILED = r"Task refunds\.pay_refund\[\S+\] raised unexpected: "
BAD = FAILED + "BadArgument"
EXPIRED = r"task refunds\.pay_refund expired"


@dataclass(frozen=True)
class Case:
    """`made` makes the message for the id of a refund that waits to be paid.

    `says` is looked for in the worker's log. `pays`: a client that can publish can have that refund paid in this way.
    `virtual`: only such a broker as Redis can carry it, because AMQP has no words for it or RabbitMQ does not take it.
    """

    made: Callable[[int], Message | garbage.Raw]
    says: str = REFUSED
    pays: bool = False
    copies: int = 1
    virtual: bool = False


def _arguments() -> dict[str, Case]:
    def asked(**kwargs: Any) -> Callable[[int], Message]:
        return lambda _target: calling("refunds.pay_refund", kwargs)

    wrong: Mapping[str, object] = {
        "text": "1",
        "negative": -1,
        "zero": 0,
        "fraction": 1.0,
        "nan": float("nan"),
        "true": True,
        "null": None,
        "too large for a database": 2**63,
        "huge": 10**30,
        "nested": {"a": [1]},
        "surrogate": "\ud800",
        "nul": "\x00",
    }
    cases = {f"id {name}": Case(asked(refund_id=value), BAD) for name, value in wrong.items()}
    cases |= {
        "id missing": Case(asked(), FAILED + "TypeError"),
        "id of no row": Case(asked(refund_id=10**9), FAILED + "UnknownRow"),
        "id by position": Case(lambda target: calling("refunds.pay_refund", {}, [target]), FAILED + "TypeError"),
        "id twice": Case(
            lambda target: calling("refunds.pay_refund", {"refund_id": target}, [1]), FAILED + "TypeError"
        ),
        "self": Case(asked(self=1, refund_id=-1), FAILED),
    }
    return cases


def _bodies() -> dict[str, Case]:
    cases = {f"body {name}": Case(made) for name, made in bodies.REFUSED.items()}
    return cases | {f"body {name}": Case(made, TOO_LONG) for name, made in bodies.LONG.items()}


def _headers() -> dict[str, Case]:
    cases = {f"header {name}": Case(made) for name, made in headers.REFUSED.items()}
    cases |= {f"header {name}": Case(made, virtual=True) for name, made in headers.NOT_IN_AMQP.items()}
    cases |= {f"header {name}": Case(made, UNREADABLE, virtual=True) for name, made in headers.LONG.items()}
    cases |= {f"header {name}": Case(made, says="", pays=True) for name, made in headers.HARMLESS.items()}
    return cases


def _unreadable() -> dict[str, Case]:
    def lying(item: bytes) -> Callable[[int], garbage.Raw]:
        return lambda _target: garbage.Raw(item)

    cases = {f"message {name}": Case(made, UNREADABLE, virtual=True) for name, made in garbage.MARKED_CASES.items()}
    cases |= {f"garbage {name}": Case(lying(item), UNREADABLE, virtual=True) for name, item in garbage.RAW.items()}
    cases |= {f"garbage {name}": Case(lying(item), virtual=True) for name, item in garbage.REFUSED_RAW.items()}
    return cases


CASES: Mapping[str, Case] = {
    **_arguments(),
    **_bodies(),
    **_headers(),
    **_unreadable(),
    "unknown task of 10 MB of headers": Case(
        lambda target: pay(target, task="os.system").with_headers(x="x" * 10**7), UNREADABLE, virtual=True
    ),
    "unknown task of a long name": Case(lambda target: pay(target, task="x" * 10**5), virtual=True),
    "unknown task": Case(lambda target: pay(target, task="os.system"), UNKNOWN),
    "expired": Case(lambda target: pay(target).with_headers(expires="2001-01-01T00:00:00+00:00"), EXPIRED),
    "twice with one id": Case(pay, says="", pays=True, copies=2),
    "retried too often": Case(lambda _target: pay(-1).with_headers(retries=10**9), BAD),
}
