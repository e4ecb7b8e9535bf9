"""The page to which Stripe posts its events."""

from django.urls import path

from ..apps import LABEL
from . import webhook

urlpatterns = [path("payments/stripe/", webhook.stripe_webhook, name=f"{LABEL}_stripe_webhook")]
