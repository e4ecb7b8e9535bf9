from django.contrib.auth.models import Group
from django.db import transaction

from .tasks import confirm


def tell(order: int) -> None:
    confirm.delay(order)


def place(name: str) -> None:
    with transaction.atomic():
        with transaction.atomic():
            order = Group.objects.create(name=name)
        tell(order.pk)


@transaction.atomic
def cancel(name: str) -> None:
    order = Group.objects.get(name=name)
    order.delete()
    tell(order.pk)


def place_safely(name: str) -> None:
    with transaction.atomic():
        order = Group.objects.create(name=name)
        transaction.on_commit(lambda: tell(order.pk))
    tell(order.pk)
