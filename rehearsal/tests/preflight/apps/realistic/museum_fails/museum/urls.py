from django.urls import path

from .tickets import views

urlpatterns = [path("buy", views.buy), path("group", views.buy_for_group)]
