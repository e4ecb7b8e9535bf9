"""Checks of a Celery application's schedules, retries and settings before a deploy: `celery -A proj preflight`.

Nothing else in the kit imports this package. It uses no broker and no network.
"""
