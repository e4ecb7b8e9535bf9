"""Route the admin and the pages of the rooms."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from ..notices import urls as notices
from ..stripe import urls as stripe

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("", include(notices)),
    path("", include(stripe)),
]
