from datetime import date

from celery.schedules import crontab

BEAT_SCHEDULE = {
    "watch-stream": {"task": "radio.watch_stream", "schedule": 60},
    "update-playlist": {
        "task": "radio.update_playlist",
        "schedule": crontab(minute="*/5"),
        "options": {"expires": 900},
    },
    "fetch-weather": {
        "task": "radio.fetch_weather",
        "schedule": crontab(minute=50),
        "options": {"expires": 600},
    },
    "publish-week": {
        "task": "radio.publish_week",
        "schedule": crontab(hour=20, minute=0, day_of_week="sun"),
        "args": (date,),
    },
}


class Config:
    broker_url = "amqp://radio:loudspeaker@rabbitmq.example//"
    result_backend = "redis://redis.example/1"
    result_expires = None
    accept_content = ("json", "pickle")
    task_time_limit = 900
    task_soft_time_limit = 840
    task_acks_late = True
    include = ("radio.tasks.streams", "radio.tasks.programmes")
    beat_scheduler = "redbeat.RedBeatScheduler"
    beat_schedule = BEAT_SCHEDULE


class Testing(Config):
    task_always_eager = True
