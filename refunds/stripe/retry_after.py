"""Read the header Retry-After, in which a server says when to call again."""

import math
from collections.abc import Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Final

# The longest wait that is kept; the retry policy gives up long before.
LONGEST: Final = timedelta(days=365)


def retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """Return how long the answer with these headers asks to wait; None if it names no readable wait.

    The header has seconds or a date (RFC 9110, section 10.2.3). Compare a date with the answer's own Date, not with a
    clock here.
    """
    found = {name.lower(): value for name, value in headers.items()}
    value = found.get("retry-after", "").strip()
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value) - parsedate_to_datetime(found.get("date", ""))).total_seconds()
        except (TypeError, ValueError):  # no date, or one of the two without an offset
            return None
    if math.isnan(seconds):
        return None
    return timedelta(seconds=min(max(seconds, 0.0), LONGEST.total_seconds()))
