"""The worker's consumer: a message that nobody can have sent in good faith is refused before Celery works on it."""

from collections.abc import Callable
from typing import Any

from celery.exceptions import InvalidTaskError
from celery.worker.consumer import Consumer as Celerys
from django.utils import timezone
from kombu import compression
from kombu.exceptions import ContentDisallowed, DecodeError

from .messages import fault


class Consumer(Celerys):
    """Celery's, for the setting `worker_consumer`.

    A refused message is logged with its first kilobyte, rejected without coming back, and told to `task_rejected`.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        _refuse_compressed()
        super().__init__(*args, **options)

    def create_task_handler(self, *args: Any, **options: Any) -> Callable[[Any], Any]:
        """What Celery does with a message that has no fault."""
        handle: Callable[[Any], Any] = super().create_task_handler(*args, **options)

        def on_message(message: Any) -> Any:
            try:
                wrong = fault(message, timezone.now())
            except (ContentDisallowed, DecodeError) as error:
                return self.on_decode_error(message, error)
            if wrong:
                return self.on_invalid_task(None, message, InvalidTaskError(wrong))
            return handle(message)

        return on_message

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        """What cannot be read is refused as the others are; Celery's own acknowledges it and tells nobody."""
        self.on_invalid_task(None, message, exc)


def _refuse_compressed() -> None:
    """No message here is compressed, and kombu unpacks one of a megabyte to a gigabyte before anyone can look at it."""
    find: Any = compression.get_encoder  # says encoder and name; kombu's own stubs know the encoder alone
    for content_type in compression.encoders():
        compression.register(find(content_type)[0], _refuse, content_type)


def _refuse(_body: bytes) -> bytes:
    raise DecodeError("the body is compressed, and no message here is")
