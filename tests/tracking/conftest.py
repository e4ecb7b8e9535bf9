"""Commits, and what they publish, as the core's operations have them."""

from ..operations.conftest import commit, published

__all__ = ["commit", "published"]  # fixtures
