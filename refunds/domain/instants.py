"""What every rule with an instant in it asks of that instant."""

from datetime import UTC, datetime


class NaiveInstant(ValueError):
    """An instant without an offset: nobody can say which 18:00 it is before or after."""

    def __init__(self, instant: datetime) -> None:
        super().__init__(f"{instant!r} has no UTC offset; pass an aware datetime, such as timezone.now()")


def in_utc(instant: datetime) -> datetime:
    """The same instant in UTC, where the order of instants is their order on the clock face.

    Raises NaiveInstant where `instant` has no offset.
    """
    if instant.utcoffset() is None:
        raise NaiveInstant(instant)
    return instant.astimezone(UTC)
