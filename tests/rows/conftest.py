"""Leave out the tests of rows that the database cannot run."""

from django.conf import settings

# Not skipped but left out: SQLite has one writer, so that no row is in flight while another is written.
POSTGRESQL = settings.DATABASES["default"]["ENGINE"].endswith("postgresql")
collect_ignore = [] if POSTGRESQL else ["test_in_flight.py", "test_in_flight_writers.py"]
