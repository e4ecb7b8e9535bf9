"""info: W001 setting 'shop_currency': neither Celery nor a known extension reads `shop_currency`"""

from celery import Celery

app = Celery("shop")
app.conf.update(shop_currency="UAH")
