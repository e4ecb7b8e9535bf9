"""Load at a web process's start what its first request needs, so that the first click is fast.

Nothing here connects to a server. So the start waits for no server, and a web server that loads the application before
it forks shares no connection with its children.
"""

import logging
from typing import Final

from celery import current_app
from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.cache import DEFAULT_CACHE_ALIAS, caches
from django.template import Engine
from django.template.loader import get_template
from django.urls import reverse
from django.utils.formats import get_format
from django.utils.module_loading import import_string

logger = logging.getLogger(__name__)

# The list, the button's page, and the page after a press. Name the templates that they extend too.
TEMPLATES: Final = (
    "admin/base.html",
    "admin/base_site.html",
    "admin/change_form.html",
    "admin/change_list.html",
    "admin/refunds/returnrequest/change_list.html",
    "admin/refunds/returnrequest/approve_all.html",
    "admin/refunds/sweep/change_form.html",
)


def warm() -> None:
    """Load the URLs, the button's templates, and the modules that render them and send the button's message."""
    reverse("admin:index")
    for name in TEMPLATES:
        get_template(name)
    # Django creates these on first use. For static files, it reads the list of their names.
    _ = Engine.get_default().template_context_processors, bool(staticfiles_storage), caches[DEFAULT_CACHE_ALIAS]
    get_format("DECIMAL_SEPARATOR")
    import_string(settings.MESSAGE_STORAGE)
    load_messaging()


def load_messaging() -> None:
    """Load what Celery needs to send, which takes most of the time of a process's first message. Do not connect.

    Log errors in the broker's settings, because pages work without a broker.
    """
    try:
        # Celery creates each of these on first access.
        _ = current_app.tasks, current_app.amqp.queues, current_app.backend, current_app.events.Dispatcher
        with current_app.connection_for_write() as connection:
            _ = connection.transport
    except Exception:  # an unknown transport and a missing package raise different errors
        logger.exception("nothing is loaded to send by; the first message fails for the same reason")
