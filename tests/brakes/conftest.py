"""Which of the room's tests this database can run."""

from django.db import connection

# Not skipped but left out: SQLite in memory has one connection.
collect_ignore = [] if connection.vendor == "postgresql" else ["test_at_once.py"]
