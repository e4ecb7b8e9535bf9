"""Describe a file: which columns it has, and how it writes numbers and dates."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final
from zoneinfo import ZoneInfo

# The fields that every return request needs. `unit_price` can replace `amount`, which is then price times quantity.
REQUIRED: Final = ("order_line", "quantity", "amount", "currency", "requested_at")
UNIT_PRICE: Final = "unit_price"
# The fields that are numbers.
NUMBERS: Final = ("quantity", "amount", UNIT_PRICE)
# The columns that a file of rejected rows has before the file's own; see `rejects`.
REJECTED_LINE: Final = "rejected_line"
REJECTED_REASON: Final = "rejected_reason"
REJECTED: Final = frozenset({REJECTED_LINE, REJECTED_REASON})


def folded(name: str) -> str:
    """Return a column's name for comparison: without case and without white space around it."""
    return name.strip().casefold()


@dataclass(frozen=True)
class Column:
    """Name the column of one field, or the columns whose values are joined in this order.

    Each part lists the names that a column can have. `number`: JSON can write the value as a number. `required`: a file
    without the column is refused, even if the field can be empty.
    """

    parts: tuple[tuple[str, ...], ...]
    joined_by: str = ""
    strip_suffix: str = ""
    uppercase: bool = False
    number: bool = False
    required: bool = False


@dataclass(frozen=True)
class Layout:
    """Hold the content of a layout file; docs/importing.md explains each key. The keys of `fields` are our fields."""

    name: str
    fields: Mapping[str, Column]
    constants: Mapping[str, str] = field(default_factory=dict)
    accept: Mapping[str, frozenset[str]] = field(default_factory=dict)
    hints: Mapping[str, str] = field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    ignore_unknown: bool = False
    separator: str = ","
    encoding: str = "utf-8"
    decimal: str = "."
    thousands: str = ""
    dates: tuple[str, ...] = ("iso",)
    zone: ZoneInfo | None = None
    negative_quantity: bool = False
    negative_amount: bool = False

    @property
    def required(self) -> tuple[str, ...]:
        """The first names of the columns that a row needs."""
        return tuple(part[0] for part in self.needed)

    @property
    def needed(self) -> list[tuple[str, ...]]:
        """The names of each column that a row needs."""
        read = [part for column in self.fields.values() if column.required for part in column.parts]
        return list(dict.fromkeys([*read, *((name,) for name in self.accept)]))

    @property
    def columns(self) -> tuple[str, ...]:
        """The first names of all columns that the layout knows."""
        read = [part[0] for column in self.fields.values() for part in column.parts]
        return tuple(dict.fromkeys([*read, *self.accept, *self.ignore]))

    def bind(self, names: Sequence[str]) -> "Bound":
        """Return the layout for a file, or a JSON object, with columns of these names."""
        return Bound(self, names)


class Bound:
    """Binds a layout to the names of its columns in one file."""

    def __init__(self, layout: Layout, names: Sequence[str]) -> None:
        self.layout = layout
        self._names = names
        self._there = {folded(name): name for name in names}
        self.columns = {
            name: tuple(self._found(part) or part[0] for part in column.parts) for name, column in layout.fields.items()
        }
        # Nearly all fields: one column, unchanged.
        self._plain = {
            name: columns[0]
            for name, columns in self.columns.items()
            if len(columns) == 1 and not layout.fields[name].strip_suffix and not layout.fields[name].uppercase
        }
        self.accepted = [(self._found((name,)) or name, values) for name, values in layout.accept.items()]
        numbers = {name for name, column in layout.fields.items() if column.number}
        self.numbers = {column for name in numbers for column in self.columns[name]}
        # The columns whose numbers have the layout's marks.
        self.amounts = {column for name in NUMBERS for column in self.columns.get(name, ())}
        self.read = {column for columns in self.columns.values() for column in columns}
        self.read |= {name for name, _ in self.accepted}

    def _found(self, part: Iterable[str]) -> str | None:
        return next((self._there[key] for key in map(folded, part) if key in self._there), None)

    @cached_property
    def missing(self) -> list[str]:
        """The required columns that the file lacks, by their first names in the layout."""
        return [part[0] for part in self.layout.needed if self._found(part) is None]

    @cached_property
    def hints(self) -> list[str]:
        """The layout's hints about the fields whose columns are missing."""
        missing = set(self.missing)
        fields = self.layout.fields
        return [
            hint
            for name, hint in self.layout.hints.items()
            if name in fields and missing & {part[0] for part in fields[name].parts}
        ]

    @cached_property
    def unknown(self) -> list[str]:
        """The columns that the layout neither reads nor ignores."""
        if self.layout.ignore_unknown:
            return []
        known = self.read | REJECTED
        ignored = {folded(name) for name in self.layout.ignore}
        return [name for name in self._there.values() if name not in known and folded(name) not in ignored]

    @cached_property
    def doubled(self) -> list[str]:
        """The columns that exclude each other: one name in different cases, or two names of one column."""
        if len(self._there) < len(self._names):
            counts = Counter(map(folded, self._names))
            return [name for name in self._names if counts[folded(name)] > 1]
        parts = [part for column in self.layout.fields.values() for part in column.parts]
        found = [[self._there[key] for key in dict.fromkeys(map(folded, part)) if key in self._there] for part in parts]
        return [name for names in found if len(names) > 1 for name in names]

    def at(self, name: str, cells: Mapping[str, str]) -> tuple[Mapping[str, str], str]:
        """Return the cells that have the field's value, and its name in them and in messages."""
        plain = self._plain.get(name)
        if plain is not None:
            return cells, plain
        columns = self.columns.get(name)
        if columns is None:
            return self.layout.constants, name
        column = self.layout.fields[name]
        label = "/".join(columns)
        values = [value for each in columns if (value := cells.get(each, "").strip())]
        value = column.joined_by.join(values).removesuffix(column.strip_suffix)
        return {label: value.upper() if column.uppercase else value}, label
