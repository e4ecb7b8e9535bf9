"""Route the admin and the pages of the rooms."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.utils.translation import gettext_lazy
from django.views.generic import RedirectView

from ..notices import urls as notices
from ..stripe import urls as stripe

# The names on every page of the admin. An app that is copied into another project leaves these to that project.
admin.site.site_title = admin.site.site_header = gettext_lazy("Returns and refunds")
admin.site.index_title = gettext_lazy("Home")

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("", include(notices)),
    path("", include(stripe)),
]
