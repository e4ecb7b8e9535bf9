"""What reports of Django and Celery keep to themselves: passwords that are part of a URL."""

import re
from typing import Any

import celery.app.utils
from django.views.debug import SafeExceptionReporterFilter


class Redacted(SafeExceptionReporterFilter):
    """Django's filter, which knows settings called PASSWORD or KEY, and the URLs that may have a password in them.

    The mail to the admins lists all settings, and with Django's own server the environment as well.
    """

    hidden_settings = re.compile(f"{SafeExceptionReporterFilter.hidden_settings.pattern}|URL|BACKEND", re.IGNORECASE)


def hide_urls_from_celery() -> None:
    """Make `celery report` and `celery inspect conf` mask every Django setting whose name ends in _URL.

    Celery masks the password of `broker_url`, but lists Django's settings as well, and among them it hides only what
    is called KEY, PASS and the like (celery.app.utils, 5.7.0). It has no setting for more names.
    """
    utils: Any = celery.app.utils  # its types lack the name
    # Capitals alone, as Django spells settings: Celery's own lower-case names keep their partial mask.
    utils.HIDDEN_SETTINGS = re.compile(rf"{utils.HIDDEN_SETTINGS.pattern}|(?-i:_URL$)", re.IGNORECASE)
