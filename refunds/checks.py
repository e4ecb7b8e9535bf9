"""System checks: settings that would be ignored in silence, or that would break a promise made here."""

import os
import re
from importlib.util import find_spec
from typing import Any

from celery import current_app
from celery.app.defaults import NAMESPACES, flatten
from celery.app.routes import Router, prepare
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.urls import NoReverseMatch

from .apps import LABEL
from .domain import currencies, cutoff
from .gateways import NAMES, gateway, limiter
from .notices import opt_outs
from .schedule import beat_schedule

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
def payer_configured(**_: Any) -> list[CheckMessage]:
    """The gateway and its limit can be made of the settings; else each refund would fail, by and by."""
    found: list[CheckMessage] = []
    for make in (gateway, limiter):
        try:
            make()
        except ImproperlyConfigured as error:
            found.append(Error(str(error), id="refunds.E004"))
    return found


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


@register(Tags.compatibility, deploy=True)
def limit_shared(**_: Any) -> list[CheckMessage]:
    """A limit that is counted in memory is one for each process of each worker."""
    if not settings.REFUNDS_GATEWAY_RATE or not settings.REFUNDS_LIMITER_URL.startswith("memory:"):
        return []
    return [
        checks.Warning(
            f"REFUNDS_GATEWAY_RATE is {settings.REFUNDS_GATEWAY_RATE!r}, and each worker process counts by itself.",
            hint="Name a Redis in REFUNDS_LIMITER_URL, or run one worker process.",
            id="refunds.W002",
        )
    ]


@register(Tags.compatibility, deploy=True)
def late_failures_heard(**_: Any) -> list[CheckMessage]:
    """A refund that fails after it succeeded is only heard of by the webhook: nothing looks up what has succeeded."""
    by_stripe = settings.REFUNDS_GATEWAY in {"stripe", NAMES["stripe"]}
    if not by_stripe or getattr(settings, "STRIPE_WEBHOOK_SECRET", "").strip():
        return []
    return [
        checks.Warning(
            "REFUNDS_GATEWAY is 'stripe', and STRIPE_WEBHOOK_SECRET is empty: nobody would notice a refund that fails "
            "after it has succeeded.",
            hint="Add an endpoint for https://<this project>/payments/stripe/ at Stripe, with the events "
            "refund.created, refund.updated, refund.failed and charge.refund.updated. Put its signing secret into the "
            "environment of the web process.",
            id="refunds.W010",
        )
    ]


@register(Tags.compatibility)
def webhook_can_verify(**_: Any) -> list[CheckMessage]:
    """The webhook verifies by Stripe's own client."""
    if not getattr(settings, "STRIPE_WEBHOOK_SECRET", "").strip() or find_spec("stripe"):
        return []
    return [
        Error(
            "STRIPE_WEBHOOK_SECRET is set, and the package stripe is missing: each event would be answered with 500.",
            hint="pip install '.[stripe]' in the clone of refunds",
            id="refunds.E011",
        )
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


# What a project that copies this app forgets; `python -m refunds copy` prints it all.


@register(Tags.compatibility)
def beat_entries_declared(**_: Any) -> list[CheckMessage]:
    """Report each entry that beat lacks: nothing would be declined at the cutoff, or sent again after a loss."""
    sent = {entry.get("task") for entry in (getattr(settings, "CELERY_BEAT_SCHEDULE", None) or {}).values()}
    return [
        Error(
            f"No entry of CELERY_BEAT_SCHEDULE sends {entry['task']}.",
            hint=f"Merge {__package__}.schedule.beat_schedule() into CELERY_BEAT_SCHEDULE.",
            id=f"{LABEL}.E020",
        )
        for entry in beat_schedule().values()
        if entry["task"] not in sent
    ]


@register(Tags.compatibility)
def celery_app_is_current(**_: Any) -> list[CheckMessage]:
    """Report a current Celery app that has other settings: this process would publish elsewhere than workers read."""
    if current_app.conf.task_routes == (getattr(settings, "CELERY_TASK_ROUTES", None) or None):
        return []
    return [
        Error(
            f"The current Celery app {current_app.main!r} does not have the routes of CELERY_TASK_ROUTES: this process "
            "would publish to another broker or queue.",
            hint="Configure the project's app by config_from_object('django.conf:settings', namespace='CELERY'), and "
            "import it next to the settings: from .celery import app as celery_app in the project's __init__.py.",
            id=f"{LABEL}.E021",
        )
    ]


@register(Tags.compatibility)
def messages_survive_workers(**_: Any) -> list[CheckMessage]:
    """Report early acknowledgement: the message of a worker that dies is lost until the reconciler finds its work."""
    if getattr(settings, "CELERY_TASK_ACKS_LATE", False):
        return []
    return [
        checks.Warning(
            "CELERY_TASK_ACKS_LATE is not set: a worker that dies takes its message with it.",
            hint=f"In the settings: from {__package__}.settings import *, or CELERY_TASK_ACKS_LATE = True.",
            id=f"{LABEL}.W020",
        )
    ]


@register(Tags.compatibility)
def tasks_routed(**_: Any) -> list[CheckMessage]:
    """Report each task of this app and its rooms that has no route: it would wait behind the work of others."""
    router = Router(prepare(getattr(settings, "CELERY_TASK_ROUTES", None)))
    return [
        checks.Warning(
            f"CELERY_TASK_ROUTES has no route for {name}: it goes to the default queue.",
            hint=f"Merge the TASK_ROUTES of {__package__}.settings and of each room's settings into it.",
            id=f"{LABEL}.W021",
        )
        for name in sorted(current_app.tasks)
        if name.startswith(f"{LABEL}.") and not router.lookup_route(name)
    ]


@register(Tags.compatibility)
def queues_used(**_: Any) -> list[CheckMessage]:
    """Report each declared queue that no route names; routes that are patterns or functions count only as mappings."""
    routes = getattr(settings, "CELERY_TASK_ROUTES", None)
    if not isinstance(routes, dict):
        return []
    used = {route.get("queue") if isinstance(route, dict) else route for route in routes.values()}
    used.add(getattr(settings, "CELERY_TASK_DEFAULT_QUEUE", None))
    declared = [getattr(queue, "name", queue) for queue in getattr(settings, "CELERY_TASK_QUEUES", None) or ()]
    return [
        checks.Warning(
            f"CELERY_TASK_QUEUES declares {name!r}, but no route of CELERY_TASK_ROUTES names it: nothing goes to it.",
            hint="Add the route of the tasks that this queue is for, or remove the queue and its worker.",
            id=f"{LABEL}.W022",
        )
        for name in declared
        if name not in used
    ]
