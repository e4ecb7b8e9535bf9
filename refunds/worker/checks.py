"""Check the settings that enable the parts of this room. Celery does not report that one is missing."""

from typing import Any, Final

from celery.app.defaults import NAMESPACES, flatten
from celery.utils.imports import symbol_by_name
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004  # Django's name

from ..apps import LABEL

CONSUMER: Final = f"{__package__}.consumer:Consumer"
# RedBeat's settings (https://redbeat.readthedocs.io/en/latest/config.html).
REDBEAT = ("key_prefix", "lock_key", "lock_timeout", "redis_options", "redis_url", "redis_use_ssl")
# Celery's list lacks db_reuse_max, which its Django fixup reads.
KNOWN = {str(option[0]) for option in flatten(NAMESPACES)} | {"db_reuse_max"} | {f"redbeat_{name}" for name in REDBEAT}


@register(Tags.compatibility)
def consumer_set(**_: Any) -> list[CheckMessage]:
    """Report a worker that would use Celery's own consumer, which one unexpected message ends."""
    named: str = getattr(settings, "CELERY_WORKER_CONSUMER", "")
    if named == CONSUMER or (named and _is_ours(named)):
        return []
    return [
        Error(
            f"CELERY_WORKER_CONSUMER is {named!r}: one message that Celery does not expect would end every worker.",
            hint=f"Set it to '{CONSUMER}', or to a subclass of that.",
            id=f"{LABEL}.E030",
        )
    ]


def _is_ours(named: str) -> bool:
    # Import it here: it loads Celery's worker, which a web process does not need.
    from .consumer import Consumer

    try:
        return issubclass(symbol_by_name(named), Consumer)
    except (ImportError, AttributeError, TypeError, ValueError):  # no module, no such name, no class, no path
        return False


@register(Tags.compatibility)
def acknowledged_late(**_: Any) -> list[CheckMessage]:
    """Report early acknowledgement: the broker would not redeliver the message of a lost worker."""
    if getattr(settings, "CELERY_TASK_ACKS_LATE", False):
        return []
    return [
        Error(
            "CELERY_TASK_ACKS_LATE is not true: a worker that dies would lose the messages that it runs.",
            hint="Set it to True. Each task must then be able to run twice.",
            id=f"{LABEL}.E031",
        )
    ]


@register(Tags.compatibility)
def connections_kept(**_: Any) -> list[CheckMessage]:
    """Report that Celery would close the database connection before and after each task."""
    if getattr(settings, "CELERY_DB_REUSE_MAX", None):
        return []
    return [
        Warning(
            "CELERY_DB_REUSE_MAX is not set: Celery closes the database connection before and after each task, "
            "whatever CONN_MAX_AGE is.",
            hint="Set it to sys.maxsize. This app then closes the connection by CONN_MAX_AGE.",
            id=f"{LABEL}.W030",
        )
    ]


@register(Tags.compatibility)
def celery_names(**_: Any) -> list[CheckMessage]:
    """Report each CELERY_ setting that neither Celery nor RedBeat knows: they ignore it silently."""
    return [
        Error(
            f"{name} is not a setting of Celery and is ignored.",
            hint="Look the name up in Celery's Configuration and defaults; after the prefix CELERY_ it is in capitals.",
            id=f"{LABEL}.E001",
        )
        for name in dir(settings)
        if name.startswith("CELERY_") and name.removeprefix("CELERY_").lower() not in KNOWN
    ]


@register(Tags.compatibility)
def quorum_on_rabbitmq(**_: Any) -> list[CheckMessage]:
    """Report quorum queues on a broker other than RabbitMQ: a flush would lose the bindings of their exchange."""
    # Celery's default, if the project names no broker.
    broker = str(getattr(settings, "CELERY_BROKER_URL", None) or "amqp:")
    if getattr(settings, "REFUNDS_QUEUE_TYPE", "classic") != "quorum" or broker.startswith(("amqp", "pyamqp")):
        return []
    return [
        Error(
            f"REFUNDS_QUEUE_TYPE is 'quorum', and the broker is {broker.partition(':')[0]}.",
            hint="Leave it at classic, or name a RabbitMQ in CELERY_BROKER_URL.",
            id=f"{LABEL}.E008",
        )
    ]
