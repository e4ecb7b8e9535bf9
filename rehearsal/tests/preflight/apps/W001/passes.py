from celery import Celery

app = Celery("shop")
app.conf.update(
    worker_concurrency=4,
    redbeat_redis_url="redis://localhost/1",
    task_prices={"tea": 3},
)


@app.task(name="shop.price")
def price(name: str) -> int:
    return int(app.conf.task_prices[name])
