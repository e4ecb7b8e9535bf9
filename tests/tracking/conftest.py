"""Commits, and what they publish, as the core's operations have them."""

from ..operations.conftest import commit, limit, published

__all__ = ["commit", "limit", "published"]  # fixtures
