"""Hide passwords in URLs from the reports of Django and Celery."""

import re
from typing import Any

import celery.app.utils
from django.views.debug import SafeExceptionReporterFilter


class Redacted(SafeExceptionReporterFilter):
    """Hides settings whose names contain PASSWORD or KEY, as Django's filter does, and URLs, which can have passwords.

    The mail to the admins lists all settings. With Django's own server, it lists the environment too.
    """

    hidden_settings = re.compile(f"{SafeExceptionReporterFilter.hidden_settings.pattern}|URL|BACKEND", re.IGNORECASE)


def hide_urls_from_celery() -> None:
    """Make `celery report` and `celery inspect conf` mask every Django setting whose name ends in _URL.

    Celery masks the password in `broker_url`. It also lists Django's settings, and hides only those with KEY, PASS and
    a few other words in their names (celery.app.utils, 5.7.0). It has no setting for more names.
    """
    utils: Any = celery.app.utils  # its type stubs lack the name
    # Match only capitals, as in Django's settings: Celery's lower-case names keep their partial mask.
    utils.HIDDEN_SETTINGS = re.compile(rf"{utils.HIDDEN_SETTINGS.pattern}|(?-i:_URL$)", re.IGNORECASE)
