"""System checks: settings that would be ignored silently, or that would break a promise of the core."""

from typing import Any

from celery.app.defaults import NAMESPACES, flatten
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured

from .apps import LABEL
from .domain import currencies, cutoff
from .gateways import gateway, limiter

# Celery lists all but the one that its Django fixup reads by its whole name; RedBeat has its own
# (https://redbeat.readthedocs.io/en/latest/config.html).
REDBEAT = ("key_prefix", "lock_key", "lock_timeout", "redis_options", "redis_url", "redis_use_ssl")
KNOWN = {str(option[0]) for option in flatten(NAMESPACES)} | {"db_reuse_max"} | {f"redbeat_{name}" for name in REDBEAT}


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
def celery_timezone(**_: Any) -> list[CheckMessage]:
    """Report a CELERY_TIMEZONE other than the cutoff's: beat reads its schedule in it, and not in TIME_ZONE."""
    if getattr(settings, "CELERY_TIMEZONE", None) == cutoff.ZONE.key:
        return []
    return [
        Error(
            f"CELERY_TIMEZONE is not {cutoff.ZONE.key!r}: beat would decline at another time than {cutoff.LABEL}.",
            hint="Celery does not read TIME_ZONE. Set CELERY_TIMEZONE, spelled exactly so.",
            id=f"{LABEL}.E002",
        )
    ]


@register(Tags.security)
def celery_json_only(**_: Any) -> list[CheckMessage]:
    """Report any content but JSON: a worker that accepts pickle runs the code of anyone who reaches the broker."""
    return [
        Error(f"{name} is not ['json'].", hint="Accept only JSON, for tasks and for results.", id=f"{LABEL}.E003")
        for name in ("CELERY_ACCEPT_CONTENT", "CELERY_RESULT_ACCEPT_CONTENT")
        if list(getattr(settings, name, None) or ()) != ["json"]
    ]


@register(Tags.compatibility)
def quorum_on_rabbitmq(**_: Any) -> list[CheckMessage]:
    """Quorum queues are RabbitMQ's; on another broker their exchange would lose its bindings with a flush."""
    # Celery's own, where a project names none.
    broker = str(getattr(settings, "CELERY_BROKER_URL", None) or "amqp:")
    if getattr(settings, "REFUNDS_QUEUE_TYPE", "classic") != "quorum" or broker.startswith(("amqp", "pyamqp")):
        return []
    return [
        Error(
            f"REFUNDS_QUEUE_TYPE is 'quorum', and the broker is {broker.partition(':')[0]}.",
            hint="Leave it at classic, or name a RabbitMQ in CELERY_BROKER_URL.",
            id="refunds.E008",
        )
    ]


@register(Tags.compatibility)
def gateway_configured(**_: Any) -> list[CheckMessage]:
    """The gateway and its limiter can be made of the settings; otherwise each refund would fail on its own."""
    try:
        gateway()
        limiter()
    except ImproperlyConfigured as error:
        return [Error(str(error), id=f"{LABEL}.E004")]
    return []


@register(Tags.compatibility)
def currencies_known(**_: Any) -> list[CheckMessage]:
    """Each accepted currency is one of ISO 4217; an amount in another has no known decimals."""
    accepted: object = getattr(settings, "REFUNDS_CURRENCIES", None)
    if not isinstance(accepted, tuple | list) or not accepted:
        return [
            Error(
                f"REFUNDS_CURRENCIES is {accepted!r}: an import would reject every row.",
                hint="List the currencies that you pay refunds in, such as ('EUR', 'GBP'); in the environment EUR,GBP.",
                id="refunds.E009",
            )
        ]
    return [
        Error(
            f"REFUNDS_CURRENCIES has {code!r}, which is not a currency of ISO 4217 with a minor unit.",
            hint="Write its three capital letters. Codes of funds and metals, and XXX, cannot be paid.",
            id="refunds.E010",
        )
        for code in currencies.unknown(accepted)
    ]
