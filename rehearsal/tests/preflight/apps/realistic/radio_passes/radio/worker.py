from . import create_app

site = create_app()
celery = site.extensions["celery"]
