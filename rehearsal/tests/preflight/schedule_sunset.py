"""A module of an application with a solar schedule: Celery needs ephem to make one."""

from celery.schedules import solar

AT_SUNSET = solar("sunset", 50.45, 30.5)
