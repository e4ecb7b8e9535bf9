"""Define the settings of the mails to customers and of the evening digest."""

import os
from typing import Any

from celery.schedules import solar

from ..apps import LABEL

# The URL at which customers reach this project, such as https://returns.example.com. Without it, mails have no link to
# opt out.
REFUNDS_PUBLIC_URL = os.environ.get("REFUNDS_PUBLIC_URL", "")
# Whether beat sends the digest to ADMINS at sunset. It needs the package ephem.
REFUNDS_EVENING_DIGEST = os.environ.get("REFUNDS_EVENING_DIGEST", "").lower() in {"1", "true", "yes", "on"}
# Degrees north and east of the place whose sunset counts. In a city the sun sets everywhere within the same seconds.
PLACE = (50.4501, 30.5241)

# What the mail about a decline tells the customer, by the code of the decline (REFUNDS_DECLINE_CODES). The text of
# `cutoff` is mailed to each customer whose request is declined at the cutoff. Without a text there is no mail, unless
# the user who declines writes a sentence. Empty, so that an upgrade mails nobody.
REFUNDS_DECLINE_TEXTS: dict[str, str] = {}

# A slow mail server delays only mails.
TASK_QUEUES = ["mail"]
TASK_ROUTES = {f"{LABEL}.notify_customer": {"queue": "mail"}, f"{LABEL}.send_digest": {"queue": "mail"}}


def evening_digest() -> dict[str, Any]:
    """Return beat's entry for the digest. Raises ImproperlyConfigured without the package ephem."""
    return {"task": f"{LABEL}.send_digest", "schedule": solar("sunset", *PLACE)}


BEAT_SCHEDULE = {"evening-digest": evening_digest()} if REFUNDS_EVENING_DIGEST else {}
