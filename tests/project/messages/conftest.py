"""The queues of a process that only sends, as in the core's tests of messages."""

from ...messages.conftest import published

__all__ = ["published"]  # a fixture
