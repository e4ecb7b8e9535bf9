from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.views import View

from .tasks import close, confirm


def order(request: HttpRequest) -> HttpResponse:
    confirm.delay_on_commit(1)  # type: ignore[attr-defined] # celery-types does not know it
    return HttpResponse()


class Order(View):
    def post(self, request: HttpRequest) -> HttpResponse:
        transaction.on_commit(lambda: close.apply_async(queue="mail"))
        return HttpResponse()


@transaction.non_atomic_requests
def ping(request: HttpRequest) -> HttpResponse:
    confirm.delay(2)
    return HttpResponse()


def place_order(number: int) -> None:
    with transaction.atomic():
        transaction.on_commit(lambda: confirm.delay(number))
    confirm.delay(number)


def place_later(number: int) -> None:
    with transaction.atomic():

        def send() -> None:
            confirm.delay(number)

        transaction.on_commit(send)
