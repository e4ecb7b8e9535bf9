"""What a web process has loaded when it begins to serve, and that it has opened no connection."""

from pathlib import Path

import pytest

from refunds.project.embedded.redis_server import RedisServer

from .production import python, refunds

pytestmark = pytest.mark.processes

LIBRARIES = ("celery", "django", "kombu", "redis", "refunds")

# Presses the button of a page that another process has shown, asks for a page, and says what both have loaded.
CLICK = f"""
import sys
import refunds.project.wsgi
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from refunds.admin.actions import make_token
from refunds.domain.sweeps import Frozen
from refunds.models import ReturnRequest

PAGE = "/admin/refunds/returnrequest/approve-all/"
now = timezone.now()
row = ReturnRequest.objects.create(
    order_line="1/1", quantity=1, amount_minor=1, currency="GBP", requested_at=now, received_at=now
)
user = User.objects.create_superuser("pat", password=None)
client = Client(headers={{"host": "localhost"}})
client.force_login(user)
form = {{"token": make_token("approve_all", user.pk, Frozen(row.pk), now)}}
for act in (lambda: client.post(PAGE, form), lambda: client.get(PAGE)):
    before = set(sys.modules)
    answer = act()
    loaded = [name for name in set(sys.modules) - before if name.split(".")[0] in {LIBRARIES}]
    print(answer.status_code, answer.headers.get("Location"), *sorted(loaded))
"""

# Starts as a server does that loads the application before it forks, and prints each connection that is opened. Then
# serves a page.
PRELOADED = """
import os, sys
asked = []
sys.addaudithook(lambda event, _: asked.append(event) if event in {"socket.connect", "socket.getaddrinfo"} else None)
import refunds.project.wsgi
def sockets():
    links = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")] if sys.platform == "linux" else []
    return [link for link in links if os.path.exists(link) and os.readlink(link).startswith("socket:")]
from django.db import connections
print(asked, sockets(), [one.connection for one in connections.all(initialized_only=True)], flush=True)
if not (child := os.fork()):
    print(sockets(), flush=True)
    os._exit(0)
os.waitpid(child, 0)
from django.test import Client
print(Client(headers={"host": "localhost"}).get("/admin/login/").status_code)
"""


def test_first_press_and_first_page_load_nothing(tmp_path: Path) -> None:
    """A new web process has loaded everything that the button needs of Django, Celery and the broker's client."""
    refunds(tmp_path, "migrate", "-v0")
    with RedisServer() as redis:
        done = python(tmp_path, "-c", CLICK, environment={"CELERY_BROKER_URL": redis.url(0)})
    assert done.stdout.splitlines() == ["302 /admin/refunds/sweep/1/change/", "200 None"]


@pytest.mark.parametrize("broker", ["redis://127.0.0.1:1/0", "amqp://guest:guest@127.0.0.1:1//", "nonsense://"])
def test_start_needs_no_broker_and_connects_to_nothing_before_a_fork(tmp_path: Path, broker: str) -> None:
    """No children of a fork share a connection. A broker that is down does not matter yet.

    A URL that cannot be used is a warning, and pages are served.
    """
    done = python(tmp_path, "-c", PRELOADED, environment={"CELERY_BROKER_URL": broker})
    assert done.stdout == "[] [] [None]\n[]\n200\n"
    if broker == "nonsense://":
        assert "refunds.project.warming: nothing is loaded to send by" in done.stderr
    else:
        assert done.stderr == ""
