"""The advice in the texts of failures: it names actions that the refund's page has, and nothing else."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import refunds
from refunds.domain.refunds import TRY_AGAIN, Outcome
from refunds.domain.retries import GiveUp, RetryPolicy
from refunds.errors import BadInput
from refunds.gateways import Order, Refused
from refunds.gateways.wallet import Wallet
from refunds.remedies.labels import Remedy
from refunds.stripe import ids
from refunds.stripe.gateway import Stripe

from ..gateways.contract import again, make_order
from ..stripe.conftest import server, stripe
from ..stripe.server import StripeServer, error

__all__ = ["server", "stripe"]  # fixtures

SOURCE = Path(refunds.__file__).parent
# The code whose texts end up on a failed refund, on its forms, or in a line of the health check about it.
FOLDERS = ("domain", "gateways", "operations", "remedies", "stripe", "tracking")
QUOTED = re.compile(r'\buse "([^"]+)"|, or "([^"]+)"')
# What sends an operator to do something about a refund. Each of these needs the label of an action in its text.
ADVICE = re.compile(r"\b(settle|correct the|try again|by hand|pay it)\b", re.IGNORECASE)
LABELS = {TRY_AGAIN, *map(str, Remedy)}


def advised(text: str) -> list[str]:
    return [one or other for one, other in QUOTED.findall(text)]


@pytest.fixture
def failures(server: StripeServer, stripe: Stripe) -> list[str]:
    """The reason of every failure that a gateway or the retry policy gives, and of each input that a form refuses."""

    def refused(order: Order) -> str:
        with pytest.raises(Refused) as raised:
            stripe.refund(order, "key-1")
        return str(raised.value)

    payments = ["", "PAYPAL-1", "sk_live_x", "pi_1_secret_x", *(f"{prefix}x" for prefix in ids.OTHERS)]
    found = [refused(make_order(payment)) for payment in payments]
    wrong = make_order(server.provider.pay(1250, "USD"))
    found += [refused(wrong), refused(again(wrong))]
    server.answers.append(error(402, "Your card was declined", type="card_error"))
    found.append(refused(make_order(server.provider.pay(1250))))
    policy = RetryPolicy()
    ends = (policy.max_attempts, policy.base), (1, policy.within)
    verdicts = [policy.after_failure(attempt=attempt, elapsed=elapsed, jitter=0) for attempt, elapsed in ends]
    found += [verdict.reason for verdict in verdicts if isinstance(verdict, GiveUp)]
    assert len(found) == len(payments) + 5
    for check in (Wallet.check_payment, ids.check):
        with pytest.raises(BadInput) as raised:
            check("ch_1")
        found.append(str(raised.value))
    return found


def test_failure_advises_actions_that_exist(failures: list[str]) -> None:
    """Each quoted name is the label of an action, and no text tells an operator to do what has no action.

    A wrong payment's text names the correction of the payment and the settlement elsewhere.
    """
    assert {label for text in failures for label in advised(text)} == LABELS - {"Second receipt checked"}
    assert [text for text in failures if ADVICE.search(text) and not advised(text)] == []
    assert [text for text in failures if set(advised(text)) - LABELS] == []
    both = {"Correct the payment", "Settled elsewhere"}
    for text in failures:
        assert not text.startswith("payment ") or both <= set(advised(text)) or "copy it whole" in text


def texts() -> Iterator[tuple[str, str]]:
    """Every text of the code with its file, the docstrings left out; in place of each value in it, what makes it."""
    for path in sorted(file for folder in FOLDERS for file in (SOURCE / folder).glob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        inner = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
        statements = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                yield path.name, ast.unparse(node)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inner | statements:
                yield path.name, node.value


def test_advice_in_the_code_is_made_of_the_labels() -> None:
    """A text that tells what to do about a refund names a label; core and room make it of theirs."""
    others = {"labels.py", "forms.py", "pages.py", "models.py"}  # they show labels, and name permissions
    sentences = [(file, text) for file, text in texts() if " " in text and text not in {TRY_AGAIN, *Outcome}]
    found = [(file, text) for file, text in sentences if file not in others]
    made = {file for file, text in found if '"%(remedy)s"' in text or '"%(try_again)s"' in text}
    assert made == {"closing.py", "receivers.py", "wallet.py"}
    assert [each for each in found if ADVICE.search(each[1]) and not advised(each[1])] == []
