"""Make beat read its schedule from the database. Add django_celery_beat to INSTALLED_APPS."""

CELERY_BEAT_SCHEDULER = f"{__package__}.scheduler:DeclaredScheduler"
