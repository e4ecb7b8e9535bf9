"""procrastinate: a job for each return, put into PostgreSQL by its call for many."""

import os
from functools import cache

from procrastinate import App, PsycopgConnector

from . import approving

app = App(connector=PsycopgConnector(conninfo=os.environ["DATABASE_URL"]))


@app.task
def approve(pk: int) -> None:
    """One return."""
    approving.approve(pk)


def press(up_to_id: int) -> None:
    """Defer them."""
    _opened()
    approve.batch_defer(*({"pk": pk} for pk in approving.pending(up_to_id)))


@cache
def _opened() -> App:
    """The app with its connections, which a web process keeps."""
    return app.open()
