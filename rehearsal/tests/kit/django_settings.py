"""A Django project for tests that need one and run without another's settings."""

SECRET_KEY = "tests only"
USE_TZ = True
