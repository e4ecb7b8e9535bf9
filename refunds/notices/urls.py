"""The page for customers. A project includes these URLs at its root or below a path."""

from django.urls import path

from . import views
from .opt_outs import PAGE

urlpatterns = [path("opt-out/<token>/", views.opt_out, name=PAGE)]
