"""The Django admin: shows rows and asks operations to decide; it writes no row of the app itself.

The only place under here that reads the clock is a view.
"""

from . import money, opt_outs, requests, sweeps

__all__ = ["money", "opt_outs", "requests", "sweeps"]
