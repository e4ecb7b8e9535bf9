"""info: W014 setting 'accept_content': workers accept ['application/json'], and these tasks are sent as pickle: 'colours.convert'"""

from colorsys import rgb_to_hsv

from celery import Celery

app = Celery("shop")
# As a package does that brings tasks of its own.
app.task(name="colours.convert", serializer="pickle")(rgb_to_hsv)
