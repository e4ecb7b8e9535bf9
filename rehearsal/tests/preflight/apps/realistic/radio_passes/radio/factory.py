from __future__ import annotations

from typing import Any

from celery import Celery, Task

from . import config


class Site:
    """What a web framework's application object is to its extensions."""

    def __init__(self, settings: type[config.Config]) -> None:
        self.settings = settings
        self.extensions: dict[str, Any] = {}


def create_app(name: str = "Config") -> Site:
    site = Site(getattr(config, name))
    init_celery(site)
    return site


def init_celery(site: Site) -> None:
    class SiteTask(Task):  # type: ignore[type-arg]
        def __call__(self, *args: object, **kwargs: object) -> object:
            self.site = site
            return self.run(*args, **kwargs)

    app = Celery("radio", task_cls=SiteTask)
    app.config_from_object(site.settings)
    app.set_default()
    site.extensions["celery"] = app
