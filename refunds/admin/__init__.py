"""The Django admin: shows rows and asks operations to decide; it writes no row.

The only place under here that reads the clock is a view.
"""

from . import money, requests, sweeps

__all__ = ["money", "requests", "sweeps"]
