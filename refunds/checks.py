"""System checks: settings that would be ignored in silence, or that would break a promise made here."""

import os
import re
from typing import Any

from celery.app.defaults import NAMESPACES, flatten
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.urls import NoReverseMatch

from .apps import LABEL
from .domain import currencies, cutoff
from .gateways import gateway, limiter
from .notices import opt_outs

# Read by Celery's Django fixup by its whole name, and so in no list of Celery's; and what RedBeat reads
# (https://redbeat.readthedocs.io/en/latest/config.html).
REDBEAT = ("key_prefix", "lock_key", "lock_timeout", "redis_options", "redis_url", "redis_use_ssl")
KNOWN = {str(option[0]) for option in flatten(NAMESPACES)} | {"db_reuse_max"} | {f"redbeat_{name}" for name in REDBEAT}
# Scheme, host, port and the beginning of a path, in the letters that a mail's header takes as they are.
PUBLIC = re.compile(r"https?://([\w.-]+|\[[0-9a-f:.]+])(:\d{1,5})?(/[\w.~%/-]*)?", re.ASCII | re.IGNORECASE)


@register(Tags.compatibility)
def celery_names(**_: Any) -> list[CheckMessage]:
    """Every CELERY_ setting is one that Celery or RedBeat knows; they ignore the others in silence."""
    names = (name for name in dir(settings) if name.startswith("CELERY_"))
    return [
        Error(
            f"{name} is not a setting of Celery and is ignored.",
            hint="Look the name up in Celery's Configuration and defaults; below the prefix CELERY_ it is in capitals.",
            id="refunds.E001",
        )
        for name in names
        if name.removeprefix("CELERY_").lower() not in KNOWN
    ]


@register(Tags.compatibility)
def celery_timezone(**_: Any) -> list[CheckMessage]:
    """Beat reads 18:00 in CELERY_TIMEZONE, not in TIME_ZONE."""
    if getattr(settings, "CELERY_TIMEZONE", None) == cutoff.ZONE.key:
        return []
    return [
        Error(
            f"CELERY_TIMEZONE is not {cutoff.ZONE.key!r}: beat would decline at another hour.",
            hint="Celery does not read TIME_ZONE. Set CELERY_TIMEZONE, spelled exactly so.",
            id="refunds.E002",
        )
    ]


@register(Tags.security)
def celery_json_only(**_: Any) -> list[CheckMessage]:
    """A worker that accepts pickle runs the code of whoever reaches the broker."""
    wrong = [
        name
        for name in ("CELERY_ACCEPT_CONTENT", "CELERY_RESULT_ACCEPT_CONTENT")
        if list(getattr(settings, name, None) or ()) != ["json"]
    ]
    return [
        Error(f"{name} is not ['json'].", hint="Accept JSON alone, on tasks and on results.", id="refunds.E003")
        for name in wrong
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


@register(Tags.security, deploy=True)
def secret_key_given(**_: Any) -> list[CheckMessage]:
    """Sessions outlive their process."""
    if not _has_passing_key():
        return []
    return [
        checks.Warning(
            "DJANGO_SECRET_KEY is not set: each process signs with its own key, and sessions end with the process.",
            hint="Put a long random value into the environment of every web process.",
            id="refunds.W001",
        )
    ]


@register(Tags.urls)
def public_url(**_: Any) -> list[CheckMessage]:
    """A link in a mail leads somewhere, for as long as the mail is kept."""
    public = getattr(settings, "REFUNDS_PUBLIC_URL", "")
    if not public:
        return []
    return [*_public_url_is_one(public), *_opt_out_page(), *_links_last()]


def _public_url_is_one(public: str) -> list[CheckMessage]:
    if PUBLIC.fullmatch(public):
        return []
    return [
        Error(
            f"REFUNDS_PUBLIC_URL is {public!r}, which is no http or https address.",
            hint="Name scheme and host by which customers reach this project, such as https://returns.example.com, or "
            "leave it empty: then mails have no link to opt out.",
            id="refunds.E005",
        )
    ]


def _opt_out_page() -> list[CheckMessage]:
    try:
        opt_outs.link("c@example.com")
    except NoReverseMatch:
        return [
            Error(
                f"REFUNDS_PUBLIC_URL is set, and no page is named {opt_outs.PAGE!r}: no mail could be written.",
                hint="Add refunds.notices.views.opt_out to ROOT_URLCONF as refunds/project/urls.py does.",
                id="refunds.E006",
            )
        ]
    return []


def _links_last() -> list[CheckMessage]:
    if not _has_passing_key():
        return []
    return [
        Error(
            "REFUNDS_PUBLIC_URL is set and DJANGO_SECRET_KEY is not: each process signs with its own key, and the web "
            "process would not know the links in the worker's mails.",
            hint="Put one long random value into the environment of every web process and worker.",
            id="refunds.E007",
        )
    ]


def _has_passing_key() -> bool:
    """Whether this is the default project without a key: it makes one for each process."""
    return settings.SETTINGS_MODULE == "refunds.project.settings" and not os.environ.get("DJANGO_SECRET_KEY")
