"""Check the values of a layout file that are not columns. Each error is one line that names the key."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo

from .dates import check_format
from .encodings import encoding_called
from .layout_columns import BadLayout, checked_text, checked_texts

SEPARATORS: Final[Mapping[str, str]] = MappingProxyType({"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"})
_DECIMALS: Final = (".", ",")
# U+00A0 and U+202F are the spaces with which French and other files group digits.
_THOUSANDS: Final = ("", ",", ".", " ", "'", "\u2019", "\u00a0", "\u202f")


def separator_called(value: Any) -> str:
    """Return the separator's character. `value` is the character or its name. Raises BadLayout."""
    found = SEPARATORS.get(value, value) if isinstance(value, str) else value
    if found not in SEPARATORS.values():
        raise BadLayout(f"separator is {value!r}; write one of {', '.join(SEPARATORS)}, or the character itself")
    return str(found)


def marks(decimal: Any, thousands: Any) -> tuple[str, str]:
    """Return the two marks of numbers, which must differ. Raises BadLayout."""
    if decimal not in _DECIMALS:
        raise BadLayout(f'decimal is {decimal!r}; write "." or ","')
    if thousands not in _THOUSANDS:
        raise BadLayout(f'thousands is {thousands!r}; write one of , . \' or a space, or "" where numbers have none')
    if decimal == thousands:
        raise BadLayout(f"decimal and thousands are both {decimal!r}; a mark can be one of them only")
    return decimal, thousands


def checked_one_of(given: dict[str, Any], key: str, values: tuple[str, str]) -> str:
    """Return the value of a key that has two, of which the first is the default. Raises BadLayout."""
    value = given.get(key, values[0])
    if value not in values:
        raise BadLayout(f'{key} is {value!r}; write "{values[0]}" or "{values[1]}"')
    return str(value)


def checked_encoding(value: Any) -> str:
    """Return the encoding's usual name. Raises BadLayout."""
    try:
        return encoding_called(checked_text("encoding", value))
    except LookupError as error:
        raise BadLayout(str(error.args[0])) from error


def checked_zone(value: Any) -> ZoneInfo:
    """Return the time zone. Raises BadLayout."""
    try:
        return ZoneInfo(checked_text("zone", value))
    except (OSError, KeyError, ValueError) as error:  # ZoneInfoNotFoundError is a KeyError; a directory is an OSError
        raise BadLayout(f"zone {value!r} is not a time zone; write one such as Europe/Paris or UTC") from error


def checked_dates(value: Any, *, zoned: bool) -> tuple[str, ...]:
    """Return the formats of dates. Raises BadLayout."""
    formats = checked_texts("dates", value)
    if not formats:
        raise BadLayout('dates must be a list of formats, such as ["iso"] or ["%d.%m.%Y %H:%M"]')
    for each in formats:
        try:
            check_format(each, zoned=zoned)
        except ValueError as error:
            raise BadLayout(f"dates: {error}") from error
    return formats
