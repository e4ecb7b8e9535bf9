"""What a report of an error in a page keeps to itself."""

import re

from django.views.debug import SafeExceptionReporterFilter


class Redacted(SafeExceptionReporterFilter):
    """Django's filter, which knows settings called PASSWORD or KEY, and the URLs that may have a password in them.

    The mail to the admins lists all settings, and with Django's own server the environment as well.
    """

    hidden_settings = re.compile(f"{SafeExceptionReporterFilter.hidden_settings.pattern}|URL|BACKEND", re.IGNORECASE)
