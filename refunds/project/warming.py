"""What a web process loads at its start, so that its first click does not wait for it.

Nothing here connects to a server: a start waits for none, and a web server that loads the application before it forks
shares no connection with its children.
"""

import logging
from typing import Final

from celery import current_app
from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.template import Engine
from django.template.loader import get_template
from django.urls import reverse
from django.utils.formats import get_format
from django.utils.module_loading import import_string

logger = logging.getLogger(__name__)

# The list, the page of its button, and the page after a press. Django loads by name what they extend, so name that too.
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
    """Load the URLs, the button's templates, what renders them, and what sends the button's message."""
    reverse("admin:index")
    for name in TEMPLATES:
        get_template(name)
    # Django creates each on first use; for static files, the list of their names.
    _ = Engine.get_default().template_context_processors, bool(staticfiles_storage)
    get_format("DECIMAL_SEPARATOR")
    import_string(settings.MESSAGE_STORAGE)
    load_messaging()


def load_messaging() -> None:
    """Load what sending needs, which takes most of the time of a process's first message. Connects to nothing.

    Log anything that is wrong with the broker's settings: pages work without a broker.
    """
    try:
        # Each is made on first access: tasks, queues, and where results and events go.
        _ = current_app.tasks, current_app.amqp.queues, current_app.backend, current_app.events.Dispatcher
        with current_app.connection_for_write() as connection:
            _ = connection.transport
    except Exception:  # an unknown transport, a missing package: each has errors of its own
        logger.exception("nothing is loaded to send by; the first message fails for the same reason")
