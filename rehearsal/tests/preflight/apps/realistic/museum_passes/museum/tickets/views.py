from functools import partial

from django.db import transaction
from django.http import HttpRequest, HttpResponse

from .tasks import ask_for_opinion, send_ticket


def buy(request: HttpRequest) -> HttpResponse:
    transaction.on_commit(lambda: send_ticket.delay(1))
    return HttpResponse()


@transaction.non_atomic_requests
def buy_for_group(request: HttpRequest) -> HttpResponse:
    with transaction.atomic():
        for number in range(20):
            transaction.on_commit(partial(send_ticket.delay, number))
    ask_for_opinion.apply_async((1,), countdown=30 * 60)
    return HttpResponse()
