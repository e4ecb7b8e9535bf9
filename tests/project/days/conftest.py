"""Fixtures of the rooms whose effect on each other is tested here."""

from ...notices.conftest import mail_server, messages, refund

__all__ = ["mail_server", "messages", "refund"]
