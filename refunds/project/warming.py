"""What a web process loads at its start, so that its first click does not wait for it.

Nothing here connects to a server: a start waits for none, and a web server that loads the application before it forks
shares no connection with its children.
"""

from typing import Final

from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.template import Engine
from django.template.loader import get_template
from django.urls import reverse
from django.utils.formats import get_format
from django.utils.module_loading import import_string

from .. import outbox

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
    outbox.load()
