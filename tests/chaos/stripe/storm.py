"""`python -m tests.chaos.stripe.storm`: thousands of refunds through a spoilt connection while workers are killed.

Real workers, a real beat, Stripe's own client, a provider that keeps books of its own. At the end the two books are
held against each other: exit status 0 where each refund is in both, once and to the cent, 1 with what differs, and 2
where the machine was too slow to pay all of them although nothing differs so far.
"""

import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from refunds.project.embedded.redis_server import RedisServer

from ..pace import EQUAL, TOO_SLOW, WRONG
from ..services.turned import turn
from .options import Options, options
from .provider import API_KEY, Provider, missing
from .proxy import Proxy

# Seconds of patience with a message, for each refund and at the least. With fewer, what waits in the queue behind all
# others would be sent again and again; with more, what a killed worker held would wait long for nothing.
PATIENCE = 0.005
SHORTEST_PATIENCE = 5.0
HALF_A_DAY = timedelta(hours=12)


def main(arguments: Sequence[str]) -> int:
    """Raise a storm, say what it did, and return the exit status."""
    chosen = options(arguments)
    if lack := missing():
        _say(lack)
        return WRONG
    folder = Path(mkdtemp(prefix="storm-"))
    with ExitStack() as stack:
        provider = stack.enter_context(Provider())
        proxy = stack.enter_context(Proxy(provider.url, share=chosen.faults, seed=chosen.seed))
        broker = os.environ.get("CELERY_BROKER_URL") or stack.enter_context(RedisServer()).url(0)
        os.environ.update(_environment(chosen, folder, proxy.url, broker) | turn(folder, _far_cutoff()))
        import django

        import celery_app  # noqa: F401  # messages go to this app's broker

        django.setup()
        from .weather import Storm

        storm = Storm(chosen, folder, provider, proxy, _say)
        lines, problems = storm.rage()
    _say("\n".join([*lines, *(f"PROBLEM: {problem}" for problem in problems)]))
    if problems:
        _say(f"What the processes said: {folder}")
        return WRONG
    rmtree(folder)
    if storm.too_slow:
        _say(f"The machine is too slow, and both books agree so far: {storm.too_slow}. Give --within more seconds.")
        return TOO_SLOW
    _say("Equal to the cent: each refund is in both books once, and none is left.")
    return EQUAL


def _far_cutoff() -> datetime:
    """A cutoff that no storm lasts until: what it finds pending it would decline.

    At a whole hour, so that the zone's offset has no seconds: Celery cannot read an ETA with such an offset.
    """
    return (datetime.now(UTC) + HALF_A_DAY).replace(minute=0, second=0, microsecond=0)


def _environment(chosen: Options, folder: Path, payer: str, broker: str) -> dict[str, str]:
    """What this process and its children read their settings from, whatever the caller's say; but a broker stays."""
    patience = max(SHORTEST_PATIENCE, chosen.refunds * PATIENCE)
    return {
        "DJANGO_SETTINGS_MODULE": "refunds.project.settings",
        "DJANGO_SECRET_KEY": "storm",
        "DATABASE_URL": chosen.database or f"sqlite:///{folder / 'storm.sqlite3'}",
        "CELERY_BROKER_URL": broker,
        "CELERY_RESULT_BACKEND": "cache+memory://",  # no task here keeps a result
        "REFUNDS_GATEWAY": "stripe",
        "REFUNDS_GATEWAY_RATE": chosen.rate,
        "REFUNDS_STORM_PATIENCE": str(patience),
        "STRIPE_API_KEY": API_KEY,
        "STRIPE_API_BASE": payer,
        "STRIPE_TIMEOUT": "0.5",  # a hundred times what the provider takes
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
