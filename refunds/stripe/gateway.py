"""Pay refunds by Stripe's official client (`refunds[stripe]`)."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import stripe
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from ..admin.words import recorded
from ..gateways.base import Answer, Order, Refused, TryAgain
from . import ids
from .answers import NONSENSE, alive, answer_of, read
from .retry_after import retry_after
from .units import in_stripe_units

# The key in a Stripe refund's metadata that holds our reference.
REFERENCE: Final = "refund"
# Answers that say nothing about the refund: a call with the same idempotency key is in progress (409), there were too
# many calls (429), or the API key is wrong or lacks a right (401, 403), which an operator corrects.
# https://docs.stripe.com/error-low-level
NOT_ABOUT_THE_REFUND: Final = {401, 403, 409, 429}
BAD_REQUEST: Final = 400
SERVER_ERROR: Final = 500
# No object has this id (https://docs.stripe.com/error-codes).
NO_SUCH_OBJECT: Final = "resource_missing"
# The account's balance is too low (https://docs.stripe.com/error-codes). The next sales fill it.
BALANCE_TOO_LOW: Final = "balance_insufficient"
NEXT_SALES: Final = timedelta(minutes=10)
PAGE: Final = 100  # the most that Stripe lists at once


class Stripe:
    """Refunds charges and payment intents.

    Stripe forgets an idempotency key after a day. Until then it repeats its first answer, even an error. So the key
    alone does not prevent a second refund: if an earlier call can have reached Stripe, or Stripe refuses, the gateway
    searches the payment's refunds for our reference.
    """

    def __init__(self) -> None:
        """Read the settings. Raises ImproperlyConfigured without STRIPE_API_KEY."""
        key = settings.STRIPE_API_KEY
        if not key:
            raise ImproperlyConfigured(
                "REFUNDS_GATEWAY is 'stripe', but STRIPE_API_KEY is empty: put a secret or restricted key of your "
                "Stripe account, with the right to write refunds, into the environment of the workers"
            )
        self._secret = key
        logging.getLogger("stripe").addFilter(self._mask)  # the client logs the server's answers at the level INFO
        self._refunds = stripe.StripeClient(
            key,
            base_addresses={"api": settings.STRIPE_API_BASE},
            http_client=stripe.RequestsClient(timeout=settings.STRIPE_TIMEOUT),
            max_network_retries=0,  # the retry policy counts attempts, and a worker does not wait between them
        ).v1.refunds

    @staticmethod
    def check_payment(payment: str) -> None:
        """Raise BadInput unless `payment` has the shape of a charge's or a payment intent's id."""
        ids.check(payment)

    @staticmethod
    def secret_in(text: str) -> str | None:
        """Return which kind of Stripe's secrets the text contains, and what to do; None if it contains no secret."""
        return ids.secret_in(text)

    def refund(self, order: Order, idempotency_key: str) -> Answer:
        """Refund the order's payment, or find the refund that exists for it. The receipt is Stripe's id of the refund.

        Raises TryAgain or Refused.
        """
        payment = _payment(order)
        # Any: the client's types do not allow a parameter whose name is computed.
        amount = in_stripe_units(order.amount_minor, order.currency)
        params: Any = {**payment, "amount": amount, "metadata": {REFERENCE: order.reference}}
        try:
            if answer := self._find_on_earlier_payments(order):
                return answer
            earlier = list(self._ours(order, payment)) if order.asked_before else []
            if found := alive(earlier):
                return answer_of(found, order)
            made = read(self._refunds.create, params, {"idempotency_key": idempotency_key})
            # Stripe repeats its first answer for a known key, such as "succeeded", even if the refund has failed since.
            now = next((refund for refund in earlier if refund["id"] == made.get("id")), made)
            return answer_of(now, order)
        except stripe.StripeError as error:
            failure = self._failure(error)
            if isinstance(failure, Refused) and (found := alive(self._ours_after_all(order, payment))):
                return answer_of(found, order)
            raise failure from error

    def _find_on_earlier_payments(self, order: Order) -> Answer | None:
        """Return the answer of a refund that exists for this order on an earlier payment, or None.

        Raises StripeError if Stripe does not answer: refunding another payment could then pay twice.
        """
        for payment in filter(None, map(_parameter, order.earlier_payments)):
            try:
                if found := alive(self._ours(order, payment)):
                    return answer_of(found, order)
            except stripe.InvalidRequestError as error:
                if error.code != NO_SUCH_OBJECT:
                    raise
        return None

    def look_up(self, order: Order, receipt: str) -> Answer:
        """Ask Stripe for the refund `receipt`. Only the refund's status can mean Refused; an error means TryAgain.

        "No such refund" is such an error too: an API key of another account, or of a sandbox, gets this answer.
        Raises TryAgain or Refused.
        """
        try:
            refund = read(self._refunds.retrieve, receipt)
        except stripe.StripeError as error:
            raise TryAgain(self._masked(f"Stripe: {error}"), retry_after(error.headers or {})) from error
        if refund.get("id") != receipt:
            raise TryAgain(NONSENSE)
        return answer_of(refund, order)

    def _ours(self, order: Order, payment: dict[str, str]) -> Iterator[dict[str, Any]]:
        """Yield the refunds that exist for this order, whatever their status is."""
        for refund in self._listed(payment):
            if (refund.get("metadata") or {}).get(REFERENCE) == order.reference:
                yield refund

    def _listed(self, payment: dict[str, str]) -> Iterator[dict[str, Any]]:
        """Yield every refund of the payment. The client's own paging does not check the answers."""
        params: dict[str, Any] = {**payment, "limit": PAGE}
        while True:
            page = read(self._refunds.list, params)
            refunds: Any = page.get("data")
            more = page.get("has_more")
            readable = isinstance(refunds, list) and all(isinstance(each, dict) and each.get("id") for each in refunds)
            if not readable or (more and not refunds):
                raise TryAgain(NONSENSE)
            yield from refunds
            if not more:
                return
            params["starting_after"] = refunds[-1]["id"]

    def _ours_after_all(self, order: Order, payment: dict[str, str]) -> list[dict[str, Any]]:
        """Return `_ours` after a refusal: the refund that "already refunded" means can be ours."""
        try:
            return list(self._ours(order, payment))
        except stripe.InvalidRequestError:
            return []  # no such payment exists, which is why Stripe refused
        except stripe.StripeError as error:
            raise self._failure(error) from error

    def _mask(self, record: logging.LogRecord) -> bool:
        """Mask the API key in a log record; this is a filter for logging."""
        record.msg, record.args = self._masked(record.getMessage()), ()
        return True

    def _masked(self, text: str) -> str:
        return text.replace(self._secret, "***")

    def _failure(self, error: stripe.StripeError) -> TryAgain | Refused:
        """Return what an error of Stripe's client means, with the API key masked in its reason."""
        reason = self._masked(f"Stripe: {error}")
        if error.code == BALANCE_TOO_LOW:
            return TryAgain(reason, NEXT_SALES)
        # Without a status there was no answer; a good status with an error is unreadable. In both cases, as after a
        # server's error, Stripe can have made the refund.
        is_answer = error.http_status in range(BAD_REQUEST, SERVER_ERROR)
        not_about_it = error.http_status in NOT_ABOUT_THE_REFUND or isinstance(error, stripe.RateLimitError)
        if not_about_it or not is_answer:
            return TryAgain(reason, retry_after(error.headers or {}))
        return Refused(reason)


def _payment(order: Order) -> dict[str, str]:
    """Return the parameter that names the order's payment. Raises Refused if it is not an id of Stripe's."""
    if parameter := _parameter(order.payment):
        return parameter
    with recorded():
        why = ids.no_payment(order.payment)
    raise Refused(f'{why}; use "Correct the payment", or "Settled elsewhere"')


def _parameter(payment: str) -> dict[str, str] | None:
    """Return the parameter that names a payment; None if the text names no payment, so that it has no refunds."""
    if ids.no_payment(payment):
        return None
    return {ids.PAYMENTS[payment[:3]]: payment}
