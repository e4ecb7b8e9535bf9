from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.views import View

from .tasks import confirm


def order(request: HttpRequest) -> HttpResponse:
    confirm.delay(1)
    return HttpResponse()


class Order(View):
    def post(self, request: HttpRequest) -> HttpResponse:
        from .tasks import close

        close.apply_async()
        return HttpResponse()


def place_order(number: int) -> None:
    with transaction.atomic():
        confirm.s(number).delay()


@transaction.atomic
def place_orders(numbers: list[int]) -> None:
    for number in numbers:
        confirm.apply_async(args=(number,))


def not_a_task(queue: Any) -> None:
    with transaction.atomic():
        queue.delay(1)
