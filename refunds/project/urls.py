"""The default project: its admin, and the pages of the rooms."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from ..notices import urls as notices
from ..stripe import webhook

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("", include(notices)),
    path("payments/stripe/", webhook.stripe_webhook, name="refunds_stripe_webhook"),
]
