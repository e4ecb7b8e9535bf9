"""Days on which things break: whatever happens, the books are equal at the end."""

import re
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from django.contrib.auth.models import Permission, User
from django.db import connections
from django.test import Client
from django.utils import timezone

from refunds import outbox

from . import audit, faults
from .faults import Fault
from .stage import Stage

# Returns at the beginning of a day, and those that come in at each later look.
AT_FIRST, LATER = 1_000, 3
# Seconds after the cut-off for which things go on breaking.
AFTER = timedelta(seconds=4)
# Seconds from one fault to the next, at the least and at the most.
PAUSE = (0.2, 1.5)
# Seconds between notes about what is left at the end of a day.
NOTE_EVERY = 5.0
ADMINS = 10
APPROVE_ALL = "/admin/refunds/returnrequest/approve-all/"


def troubled(stage: Stage, kinds: Sequence[Fault], *, beats: int = 1, managed: bool = False) -> list[str]:
    """A day of two workers, presses and faults, each kind once and then by chance."""
    # Where a broker goes away, workers can exit: in production a process manager starts them again.
    stage.crew.managed = managed
    stage.receive(AT_FIRST)
    stage.open(workers=2, beats=beats)
    stage.press()
    stage.trickle = LATER
    coming = [*stage.draw.sample(list(kinds), len(kinds))]
    while coming or timezone.now() < stage.cutoff + AFTER:
        happen = coming.pop() if coming else stage.draw.choice(kinds)
        stage.note(happen(stage))
        stage.pass_by(stage.draw.uniform(*PAUSE))
        if stage.draw.random() < 1 / 3:
            stage.press()
    return _settle(stage)


def _settle(stage: Stage) -> list[str]:
    stage.trickle = 0
    noted = time.monotonic()

    def unsettled() -> str:
        nonlocal noted
        left = audit.unsettled(stage.cutoff)
        if left and time.monotonic() > noted + NOTE_EVERY:
            stage.note(f"left: {left}")
            noted = time.monotonic()
        return left

    stage.until_settled(unsettled)
    stage.note(f"{stage.presses} presses, {stage.received} returns, {dict(stage.crew.ended)}")
    return audit.problems(stage.cutoff, stage.received)


def processes(stage: Stage) -> list[str]:
    """Children, workers and beat killed, and workers stopped in both ways, again and again."""
    return [*troubled(stage, faults.PROCESSES), *_unforeseen(stage)]


def redis(stage: Stage) -> list[str]:
    """Redis flushed in the middle of a sweep, and away for a while and back empty."""
    return troubled(stage, faults.REDIS, managed=True)


def rabbitmq(stage: Stage) -> list[str]:
    """RabbitMQ closes the connections of all, again and again."""
    return [*troubled(stage, faults.RABBITMQ), *_unforeseen(stage)]


def postgres(stage: Stage) -> list[str]:
    """PostgreSQL restarted, connections cut, deadlocks and serialization errors."""
    wrong = troubled(stage, faults.POSTGRES)
    assert stage.site.postgres
    met = {word: stage.site.postgres.said(word) for word in ("deadlock detected", "could not serialize access")}
    return [*wrong, *(f"no task met: {word}" for word, count in met.items() if not count)]


def messages(stage: Stage) -> list[str]:
    """Messages doubled, in another order, and long after their time."""
    wrong = [*troubled(stage, faults.MESSAGES), *_unforeseen(stage)]
    seen = {raw.headers["task"] for raw in stage.kept}
    return wrong if outbox.DECIDE_CHUNK in seen else [*wrong, f"of messages only {seen or 'none'} came twice"]


def two_beats(stage: Stage) -> list[str]:
    """Two beats, and so two reconcilers, with nothing else wrong."""
    stage.receive(AT_FIRST)
    stage.open(workers=2, beats=2)
    stage.press()
    stage.trickle = LATER
    stage.until_cutoff()
    stage.pass_by(1)
    return [*_settle(stage), *_unforeseen(stage)]


def beat_down(stage: Stage) -> list[str]:
    """Beat is down over 18:00 and comes back a while after it."""
    stage.receive(AT_FIRST)
    stage.open()
    stage.crew.kill("beat1")
    stage.trickle = LATER
    stage.until_cutoff()
    stage.pass_by(3)
    stage.crew.start_again("beat1")
    return [*_settle(stage), *_unforeseen(stage)]


def last_moment(stage: Stage) -> list[str]:
    """The button is pressed at 17:59:58 and 59.9, the decline comes at 18:00:00, many chunks of both are in flight."""
    stage.receive(4 * AT_FIRST)
    stage.open(workers=2)
    for before in (2.0, 0.1):
        stage.until_cutoff(before)
        stage.press()
    wrong = [*_settle(stage), *_unforeseen(stage)]
    stage.note(f"decided by {dict(audit.decided_by())}")
    return wrong


def ten_admins(stage: Stage) -> list[str]:
    """Ten admins look at the page, and press at once."""
    stage.receive(AT_FIRST)
    stage.open(workers=2)
    permission = Permission.objects.get(codename="approve_all")
    browsers = []
    for number in range(ADMINS):
        user = User.objects.create_user(f"admin{number}", is_staff=True)
        user.user_permissions.add(permission)
        browsers.append(Client(SERVER_NAME="localhost"))
        browsers[-1].force_login(user)
    pages = [browser.get(APPROVE_ALL).text for browser in browsers]
    stage.in_time()  # after the cut-off there is nothing that could be approved, and no token
    tokens = [re.findall(r'name="token" value="([^"]+)"', page)[0] for page in pages]
    with ThreadPoolExecutor(ADMINS) as pool:
        statuses = Counter(pool.map(_press, browsers, tokens))
    stage.note(f"ten admins pressed: {dict(statuses)}")
    wrong = [] if statuses == {302: ADMINS} else [f"answers to ten presses: {dict(statuses)}"]
    stage.until_cutoff()
    return [*wrong, *_settle(stage), *_unforeseen(stage)]


def _press(browser: Client, token: str) -> int:
    try:
        return browser.post(APPROVE_ALL, {"token": token}).status_code
    finally:
        connections.close_all()


def everything(stage: Stage) -> list[str]:
    """All that can happen to the deployment, by chance."""
    return troubled(stage, faults.possible(stage.site), beats=stage.draw.choice((1, 2)), managed=True)


def _unforeseen(stage: Stage) -> list[str]:
    """What no task should have raised where neither database nor broker was away."""
    return [f"{count} tasks ended by {name}" for name, count in stage.crew.unforeseen().items()]
