"""Rules about who can run code or read secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kombu import serialization

from ..findings import Evidence, Level
from ..passwords import is_local, lines_with, part, passwords
from ..registry import rule
from .about import about_entry, about_setting
from .schedule_entries import serializer_of
from .wire import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..findings import Finding
    from ..loaded import LoadedApp

# kombu's transports with fanout exchanges. Celery starts remote control on no other.
BROADCAST = {"gcpubsub", "librabbitmq", "mongodb", "pgmq", "pyamqp", "qpid", "redis"}

serializers: Any = vars(serialization)["registry"]  # celery-types leaves it out


def content_type(name: str) -> str:
    """The content type of a serialiser's name; what is a content type already stays."""
    return str(serializers.name_to_type.get(name, name))


PICKLE = content_type("pickle")


@rule("W013", "pickle-accepted", Level.WARNING)
def pickle_accepted(loaded: LoadedApp) -> Iterator[Finding]:
    """Workers or readers of results accept pickle.

    Unpickling a message runs code that the message names. Anyone who can write to the broker or the result store
    then runs code in your workers. Accept JSON only.
    """
    for setting, where in (("accept_content", "broker"), ("result_accept_content", "result store")):
        if any(content_type(name) == PICKLE for name in loaded.conf.get(setting) or ()):
            yield about_setting(
                loaded,
                setting,
                f"`{setting}` has pickle, so those who can write to the {where} can run code",
                "Accept `json` only.",
            )


@rule("W014", "sent-and-not-accepted", Level.ERROR)
def sent_and_not_accepted(loaded: LoadedApp) -> Iterator[Finding]:
    """A message is sent in a serialiser that the workers do not accept.

    Each worker logs `Refusing to deserialize disabled content` and discards the message. Where only a task of an
    installed package is sent so, and the application does not call it, it is unknown whether anything sends it.
    """
    accepted = {content_type(name) for name in loaded.conf.accept_content or ()}
    sent = {name: task.serializer or loaded.conf.task_serializer for name, task in loaded.tasks.items()}
    refused = [name for name, serializer in sent.items() if content_type(serializer) not in accepted]
    sure = any(loaded.is_used(name) for name in refused)
    entries = [each for each in loaded.entries if content_type(serializer_of(loaded, each)) not in accepted]
    if refused:
        yield about_setting(
            loaded,
            "accept_content",
            f"workers accept {sorted(accepted)}, and these tasks are sent as {sent[refused[0]]}: {listed(refused)}",
            "Send them as one of `accept_content`." if sure else "Accept it if something sends them.",
            evidence=Evidence.READ if sure else Evidence.UNKNOWN,
        )
    for each in entries:
        if each.task not in refused:
            yield about_entry(
                loaded,
                each,
                f"it is sent as {serializer_of(loaded, each)}, and workers accept {sorted(accepted)}",
                "Remove `serializer` from the options of the entry.",
            )


@rule("W015", "password-in-code", Level.WARNING)
def password_in_code(loaded: LoadedApp) -> Iterator[Finding]:
    """A password of the broker, of the result store or of RedBeat is in the source.

    Everyone who can read the repository has it, and so does every copy. Read it from the environment. Preflight
    reports a password of the loaded settings that the application's source has in a URL, or as the value of a name
    such as `PASSWORD`. Passwords for this machine alone and RabbitMQ's public account `guest` do not count.
    """
    for setting, password in passwords(loaded):
        for module in loaded.sources.modules:
            for line in lines_with(module.tree, password):
                yield about_setting(
                    loaded,
                    setting,
                    f"the source has the password of `{setting}`",
                    "Read it from the environment, and change the password.",
                    place=loaded.sources.place(module.path, line),
                )


@rule("W016", "remote-control", Level.INFO)
def remote_control(loaded: LoadedApp) -> Iterator[Finding]:
    """Workers obey remote control, and the broker is on another host.

    Anyone who can write to the broker can stop workers, revoke tasks and change limits: remote control has no
    password of its own. If other applications share the broker, or you do not use `celery inspect` and `celery
    control`, turn it off. Celery has no remote control on brokers such as SQS, where no message reaches every worker.
    """
    hosts = [part(url, "hostname") for url in loaded.broker_urls]
    if loaded.broker_transport.rpartition(".")[2] not in BROADCAST:
        return
    if loaded.conf.worker_enable_remote_control and not all(map(is_local, hosts)):
        yield about_setting(
            loaded,
            "worker_enable_remote_control",
            "workers obey remote control from all who can write to the broker",
            "Set `worker_enable_remote_control` to False if you do not use it.",
        )
