"""The default project is its admin, the page on which customers opt out of mails, and the webhook for Stripe."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, path
from django.views.generic import RedirectView

from ..notices import views
from ..notices.opt_outs import PAGE
from ..stripe import webhook

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("opt-out/<token>/", views.opt_out, name=PAGE),
    path("payments/stripe/", webhook.stripe_webhook, name="refunds_stripe_webhook"),
]
