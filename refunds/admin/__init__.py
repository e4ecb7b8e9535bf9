"""The Django admin: shows rows and asks operations to decide; of the app it deletes opt-outs, and writes no row.

The only place under here that reads the clock is a view.
"""

from ..notices import admin
from . import money, requests, sweeps

__all__ = ["money", "opt_outs", "requests", "sweeps"]
