"""Tests that need an extra of the distribution."""

from __future__ import annotations

import pytest
from celery_rehearsal import extras

needs_redis = pytest.mark.skipif(bool(extras.missing("redis")), reason="the kit's extra redis is not installed")
