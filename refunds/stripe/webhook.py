"""Receive Stripe's events about changed refunds."""

import logging
from http import HTTPStatus
from typing import Final

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from ..tracking import look_ups

logger = logging.getLogger(__name__)

# Bytes. An event about a refund has a few thousand; an endpoint that is subscribed to every event gets larger ones.
LARGEST_BODY: Final = 1024 * 1024


@csrf_exempt  # the signature proves who posts
@never_cache
def stripe_webhook(request: HttpRequest) -> HttpResponse:
    """Bring the look-up of a refund forward. Answer 404 without STRIPE_WEBHOOK_SECRET, and 400 to an unsigned event.

    The event itself changes no refund: the task asks Stripe. The answer 200 means that the row has the hint, or that
    the event is not about a refund of ours. Stripe repeats an event after any other answer
    (https://docs.stripe.com/webhooks).
    """
    secrets = getattr(settings, "STRIPE_WEBHOOK_SECRET", "").split()
    if not secrets:
        raise Http404("STRIPE_WEBHOOK_SECRET is empty")
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    body = request.read(LARGEST_BODY + 1)
    if len(body) > LARGEST_BODY:
        return _refused(f"a body of more than {LARGEST_BODY} bytes", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    # Import it here: Stripe's client is an optional package, and a project with another gateway has no secret.
    from .events import BadEvent, read

    try:
        hint = read(body, request.headers.get("Stripe-Signature"), secrets)
    except BadEvent as bad:
        return _refused(str(bad))
    if hint is not None:
        look_ups.hint(hint.reference, hint.receipt, hint.says, timezone.now())
    return HttpResponse(status=HTTPStatus.OK)


def _refused(why: str, status: int = HTTPStatus.BAD_REQUEST) -> HttpResponse:
    logger.warning("an event for the Stripe webhook was refused: %s", why)
    return HttpResponse(status=status)
