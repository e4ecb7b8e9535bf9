"""Route the page on which customers opt out of mails."""

from django.urls import path

from . import opt_outs, views

urlpatterns = [path("opt-out/<token>/", views.opt_out, name=opt_outs.PAGE)]
