import os

from celery.schedules import crontab
from kombu import Exchange, Queue

broker_url = os.environ.get("BROKER_URL", "amqp://rabbitmq.example//")
imports = ("parcels.tasks.labels", "parcels.tasks.couriers", "parcels.tasks.reports")
timezone = "Asia/Kolkata"

exchange = Exchange("parcels")
task_time_limit = 240
worker_enable_remote_control = False
task_default_queue = "parcels"
task_default_exchange = "parcels"
task_create_missing_queues = False
task_queues = [
    Queue("parcels", exchange, routing_key="parcels"),
    Queue("labels", exchange, routing_key="labels"),
    Queue("couriers", exchange, routing_key="couriers"),
]
task_routes = {
    "parcels.tasks.labels.*": {"queue": "labels"},
    "parcels.tasks.couriers.*": {"queue": "couriers"},
}

beat_schedule = {
    "ask-couriers": {
        "task": "parcels.tasks.couriers.ask",
        "schedule": 300.0,
        "options": {"expires": 300},
    },
    "collect-returns": {
        "task": "parcels.tasks.couriers.collect",
        "schedule": 60.0 * 15,
        "options": {"expires": 60.0 * 15},
    },
    "print-morning-labels": {
        "task": "parcels.tasks.labels.print_all",
        "schedule": crontab(hour=6, minute=0),
        "options": {"expires": 60 * 60},
    },
    "report-day": {
        "task": "parcels.tasks.reports.day",
        "schedule": crontab(hour=21, minute=0),
        "kwargs": {"depots": ["Pune", "Nagpur"], "written_by": "beat"},
    },
}
