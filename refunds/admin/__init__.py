"""The Django admin: shows rows and asks operations to decide; it writes no row. Only its views read the clock."""

from . import refunds, requests, sweeps

__all__ = ["refunds", "requests", "sweeps"]
