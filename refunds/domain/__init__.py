"""The rules, pure: no clock, no I/O, no Django, no Celery. Every instant is a parameter and aware."""
