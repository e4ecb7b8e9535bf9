"""Recognise the ids of Stripe's objects: which ones name a payment, and what another one names.

This needs neither Stripe's package nor an API key: the web process checks ids without a call.
"""

import re
from typing import Final

from django.utils.text import Truncator
from django.utils.translation import gettext, gettext_lazy, gettext_noop

from ..errors import BadInput

# The prefixes of payments' ids, and the parameter for each.
PAYMENTS: Final = {"ch_": "charge", "py_": "charge", "pi_": "payment_intent"}
# Characters: 14 after the prefix, as in Stripe's oldest ids, and 255 in all, the limit of Stripe and of the column.
# Only ids that an operator types are checked against these, because Stripe can change its ids.
SHORTEST, LONGEST = 14, 255
# https://docs.stripe.com/keys, https://docs.stripe.com/webhooks, and the field client_secret of payment intents.
KEY: Final = re.compile(r"\b(?:sk|rk|pk)_(?:live|test)_|\bwhsec_", re.IGNORECASE)
CLIENT_SECRET: Final = re.compile(r"_secret_[a-z0-9]", re.IGNORECASE)
MASKED: Final = gettext_noop("(a secret, not shown)")
SHOWN: Final = 40  # characters of an id that a message repeats
# https://docs.stripe.com/api: the prefixes of other ids, and where the payment is found.
_REFUND: Final = gettext_lazy(
    "a refund, not a payment; take the id in its field payment_intent or charge. If it has paid this refund, "
    'use "Settled elsewhere" with it as the receipt'
)
_DISPUTE: Final = gettext_lazy("a dispute, not a payment; take the id in its field payment_intent or charge")
OTHERS: Final = {
    "cs_": gettext_lazy(
        "a Stripe Checkout session, not a payment; open the session at Stripe (Dashboard, or "
        "`stripe checkout sessions retrieve` with its id) and take the id in its field payment_intent (pi_…)"
    ),
    "re_": _REFUND,
    "pyr_": _REFUND,
    "in_": gettext_lazy(
        "an invoice, not a payment; open the invoice at Stripe and take the id of the payment listed there"
    ),
    "cus_": gettext_lazy(
        "a customer, not a payment; open the customer at Stripe and take the id of the payment from the list there"
    ),
    "txn_": gettext_lazy("a balance transaction, not a payment; take the id in its field source (ch_… or py_…)"),
    "sub_": gettext_lazy(
        "a subscription, not a payment; open its invoice at Stripe and take the id of the payment listed there"
    ),
    "plink_": gettext_lazy(
        "a payment link, not a payment; take the id of the customer's payment from the Payments page at Stripe"
    ),
    "pm_": gettext_lazy(
        "a payment method, not a payment; take the id of the payment from the customer's page at Stripe"
    ),
    "evt_": gettext_lazy("an event, not a payment; take the id of the charge or payment intent in its data"),
    "du_": _DISPUTE,
    "dp_": _DISPUTE,
    "http": gettext_lazy("a web address, not an id; paste only its part that begins with pi_, ch_ or py_"),
}


def secret_in(text: str) -> str | None:
    """Return which kind of Stripe's secrets the text contains, and what to do; None if it contains no secret."""
    if CLIENT_SECRET.search(text):
        return gettext("the client secret of a payment; the payment's id is the part before _secret_")
    if KEY.search(text):
        return gettext("an API key or a webhook secret; if somebody else can have seen it, replace it at Stripe")
    return None


def shown(payment: str) -> str:
    """Return the id for a message: quoted, cut, and masked if it contains a secret."""
    return gettext(MASKED) if secret_in(payment) else repr(Truncator(payment).chars(SHOWN))


def no_payment(payment: str) -> str | None:
    """Return why the text is not a payment; None if it has a payment's prefix and contains no secret."""
    kind = secret_in(payment)
    if kind is None and payment.startswith(tuple(PAYMENTS)):
        return None
    kind = kind or next((str(kind) for prefix, kind in OTHERS.items() if payment.startswith(prefix)), None)
    kind = kind or gettext("not the id of a Stripe charge (ch_…, py_…) or payment intent (pi_…)")
    return gettext("payment %(payment)s is %(kind)s") % {"payment": shown(payment), "kind": kind}


def check(payment: str) -> None:
    """Raise BadInput, with the reason, unless the text has the form of a payment's id."""
    if why := no_payment(payment):
        raise BadInput(why)
    prefix, _, rest = payment.partition("_")
    if not re.fullmatch("[A-Za-z0-9]+", rest):
        message = gettext("payment %(payment)s: after %(prefix)s_ an id of Stripe's has only letters and digits")
        raise BadInput(message % {"payment": shown(payment), "prefix": prefix})
    if len(rest) < SHORTEST or len(payment) > LONGEST:
        message = gettext(
            "payment %(payment)s has %(count)s characters: an id of Stripe's has at least %(least)s after %(prefix)s_, "
            "and %(most)s at most in all; copy it whole"
        )
        lengths = {"count": len(payment), "least": SHORTEST, "most": LONGEST}
        raise BadInput(message % {"payment": shown(payment), "prefix": prefix, **lengths})
