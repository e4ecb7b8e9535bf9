"""Settings of beat with its schedule in the database. Add django_celery_beat to INSTALLED_APPS."""

CELERY_BEAT_SCHEDULER = f"{__package__}.scheduler:DeclaredScheduler"
