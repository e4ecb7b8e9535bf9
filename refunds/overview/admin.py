"""Add the room's pages to the admin."""

from ..admin.requests import ReturnRequestAdmin
from ..admin.sweeps import SweepAdmin
from ..apps import LABEL
from . import banner, live, timeline  # noqa: F401  # importing the banner connects it

SweepAdmin.change_form_template = f"admin/{LABEL}/sweep/live.html"
SweepAdmin.extra_urls.append(live.urls)
SweepAdmin.extra_context.append(live.live)
ReturnRequestAdmin.extra_context.append(timeline.timeline)
