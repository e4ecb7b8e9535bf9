"""Returns processing on Celery: one button, one daily cutoff, every approved return refunded exactly once."""
