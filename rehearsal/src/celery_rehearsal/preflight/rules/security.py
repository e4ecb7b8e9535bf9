"""Rules about who can run code or read secrets."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from kombu import serialization
from kombu.utils.url import url_to_parts

from ..findings import Level
from ..registry import rule
from .about import about_entry, about_setting
from .schedule_entries import serializer_of
from .wire import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..findings import Finding
    from ..loaded import LoadedApp

# guest is RabbitMQ's own account, which it accepts from the same host only.
PUBLIC_PASSWORDS = {"guest"}
LOCAL = {None, "", "localhost", "127.0.0.1", "::1"}


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

    Each worker logs `Refusing to deserialize disabled content` and discards the message.
    """
    accepted = {content_type(name) for name in loaded.conf.accept_content or ()}
    sent = {name: task.serializer or loaded.conf.task_serializer for name, task in loaded.tasks.items()}
    refused = [name for name, serializer in sent.items() if content_type(serializer) not in accepted]
    entries = [each for each in loaded.entries if content_type(serializer_of(loaded, each)) not in accepted]
    if refused:
        yield about_setting(
            loaded,
            "accept_content",
            f"workers accept {sorted(accepted)}, and these tasks are sent as {sent[refused[0]]}: {listed(refused)}",
            "Send them as one of `accept_content`.",
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
    """The password of the broker or of the result store is in the source.

    Everyone who can read the repository has it, and so does every copy. Read it from the environment. Preflight
    reports a password of the loaded settings that a string of the application's source contains. RabbitMQ's public
    account `guest` does not count.
    """
    for setting, url in _urls(loaded):
        password = _password(url)
        if not password or password in PUBLIC_PASSWORDS:
            continue
        for module in loaded.sources.modules:
            for node in ast.walk(module.tree):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and _has(node.value, password):
                    yield about_setting(
                        loaded,
                        setting,
                        f"the source has the password of `{setting}`",
                        "Read the URL from the environment, and change the password.",
                        place=loaded.sources.place(module.path, node.lineno),
                    )


def _has(text: str, password: str) -> bool:
    # A password alone can be any word, such as the name of the application.
    return any(f":{written}@" in text for written in (password, quote(password, safe="")))


def _urls(loaded: LoadedApp) -> Iterator[tuple[str, str]]:
    yield from (("broker_url", url) for url in loaded.broker_urls)
    if isinstance(loaded.conf.result_backend, str):
        yield "result_backend", loaded.conf.result_backend


def _password(url: str) -> str | None:
    if "://" not in url:
        return None
    try:
        return url_to_parts(url).password or None
    except ValueError:
        return None


@rule("W016", "remote-control", Level.INFO)
def remote_control(loaded: LoadedApp) -> Iterator[Finding]:
    """Workers obey remote control, and the broker is on another host.

    Anyone who can write to the broker can stop workers, revoke tasks and change limits: remote control has no
    password of its own. If other applications share the broker, or you do not use `celery inspect` and `celery
    control`, turn it off.
    """
    hosts = [_host(url) for url in loaded.broker_urls]
    if loaded.conf.worker_enable_remote_control and any(host not in LOCAL for host in hosts):
        yield about_setting(
            loaded,
            "worker_enable_remote_control",
            "workers obey remote control from all who can write to the broker",
            "Set `worker_enable_remote_control` to False if you do not use it.",
        )


def _host(url: str) -> Any:
    try:
        parts = url_to_parts(url)
    except ValueError:
        return None
    # `memory://` and `filesystem://` name no host.
    return parts.hostname
