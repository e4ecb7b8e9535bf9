"""What hypothesis draws for the rules: instants around the years in which the system runs."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

# Ten years with every kind of day in them, given to the microsecond.
instants = st.datetimes(min_value=datetime(2022, 1, 1), max_value=datetime(2036, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # hypothesis wants naive bounds
durations = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=2))
