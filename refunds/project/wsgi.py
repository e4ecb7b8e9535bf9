"""Create the WSGI application of the default project."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "refunds.project.settings")
from refunds.project import app  # noqa: F401  # the button publishes to this app and no other

application = get_wsgi_application()

from refunds.project.warming import warm  # noqa: E402  # needs Django to be set up

warm()
