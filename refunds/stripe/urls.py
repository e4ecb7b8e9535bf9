"""Route the webhook. A project includes these URLs at its root."""

from django.urls import path

from ..apps import LABEL
from .webhook import stripe_webhook

urlpatterns = [path("payments/stripe/", stripe_webhook, name=f"{LABEL}_stripe_webhook")]
