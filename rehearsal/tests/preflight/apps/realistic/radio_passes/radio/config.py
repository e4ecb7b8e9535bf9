import os

from celery.schedules import crontab

BEAT_SCHEDULE = {
    "watch-stream": {"task": "radio.watch_stream", "schedule": 60, "options": {"expires": 60}},
    "update-playlist": {
        "task": "radio.update_playlist",
        "schedule": crontab(minute="*/5"),
        "options": {"expires": 300},
    },
    "fetch-weather": {
        "task": "radio.fetch_weather",
        "schedule": crontab(minute=50),
        "options": {"expires": 3600},
    },
    "publish-week": {
        "task": "radio.publish_week",
        "schedule": crontab(hour=20, minute=0, day_of_week="sun"),
        "args": ("sunday",),
    },
}


class Config:
    broker_url = os.environ.get("BROKER_URL", "amqp://rabbitmq.example//")
    timezone = "UTC"
    redbeat_redis_url = "redis://redis.example/2"
    worker_prefetch_multiplier = 1
    worker_enable_remote_control = False
    accept_content = ("json",)
    task_time_limit = 50
    task_soft_time_limit = 45
    task_acks_late = True
    include = ("radio.tasks.streams", "radio.tasks.programmes")
    beat_scheduler = "redbeat.RedBeatScheduler"
    beat_schedule = BEAT_SCHEDULE


class Testing(Config):
    task_always_eager = True
