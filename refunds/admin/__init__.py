"""Show rows in the Django admin and call operations to change them. Only its views read the clock."""

from . import refunds, requests, sweeps

__all__ = ["refunds", "requests", "sweeps"]
