"""Returns processing on Celery: one button, one 18:00, every approved return refunded exactly once."""
