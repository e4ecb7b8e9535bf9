from django.db import transaction
from django.http import HttpRequest, HttpResponse

from .tasks import ask_for_opinion, send_ticket


def buy(request: HttpRequest) -> HttpResponse:
    send_ticket.delay_on_commit(1)
    return HttpResponse()


@transaction.non_atomic_requests
def buy_for_group(request: HttpRequest) -> HttpResponse:
    with transaction.atomic():
        for number in range(20):
            send_ticket.delay_on_commit(number)
    ask_for_opinion.apply_async((1,), countdown=30 * 60)
    return HttpResponse()
