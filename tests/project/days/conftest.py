"""Fixtures of the core's days and of the rooms whose effect on each other is tested here."""

from ...day.conftest import schedule, start
from ...notices.conftest import mail_server, messages, refund

__all__ = ["mail_server", "messages", "refund", "schedule", "start"]
