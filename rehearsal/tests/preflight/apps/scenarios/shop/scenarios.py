import os
import socket
import sys

from django.contrib.auth.models import Group

from . import orders
from .tasks import confirm


def checkout() -> None:
    sys.stdout.write("an order\n")
    orders.place("first")


def cancelled() -> None:
    orders.place_safely("first")
    orders.cancel("first")


def kept() -> None:
    orders.place_safely("first")


def silent() -> None:
    Group.objects.create(name="first")


def broken() -> None:
    Group.objects.get(name="second")


async def asynchronous() -> None:
    orders.place("first")


def connecting() -> None:
    socket.socket().connect(("127.0.0.1", 80))


def waiting() -> None:
    confirm.delay(1).get()


def ending() -> None:
    raise SystemExit(3)


def dying() -> None:
    os._exit(7)
