"""Hide passwords that are part of a URL from the reports of Django and Celery."""

import re
from typing import Any

import celery.app.utils
from django.views.debug import SafeExceptionReporterFilter


class Redacted(SafeExceptionReporterFilter):
    """Hides settings called PASSWORD or KEY, as Django's filter does, and URLs, which can have a password in them.

    The mail to the admins lists all settings, and with Django's own server the environment too.
    """

    hidden_settings = re.compile(f"{SafeExceptionReporterFilter.hidden_settings.pattern}|URL|BACKEND", re.IGNORECASE)


def hide_urls_from_celery() -> None:
    """Make `celery report` and `celery inspect conf` mask every Django setting whose name ends in _URL.

    Celery masks the password of `broker_url`. It also lists Django's settings, and among them hides only names with
    KEY, PASS and a few others (celery.app.utils, 5.7.0). It has no setting for more names.
    """
    utils: Any = celery.app.utils  # its types lack the name
    # Only in capitals, as Django spells settings: Celery's own lower-case names keep their partial mask.
    utils.HIDDEN_SETTINGS = re.compile(rf"{utils.HIDDEN_SETTINGS.pattern}|(?-i:_URL$)", re.IGNORECASE)
