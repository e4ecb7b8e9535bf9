"""How a task retries: its options for automatic retries, and the calls of `retry` in its source."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from celery.app.task import Task
from celery.utils.time import get_exponential_backoff_interval

from .sources import UNSURE, Function, function_of, local_names, meaning, number, tree_of

if TYPE_CHECKING:
    from collections.abc import Iterator

# How many retries of an unbounded policy are looked at: by then, each backoff has reached its maximum.
UNBOUNDED = 50


@dataclass(frozen=True)
class Manual:
    """A call of `retry` in the task's source. What is not a constant there is None."""

    countdown: float | None
    max_retries: int | None
    line: int


@dataclass(frozen=True)
class Policy:
    """The retries of one task."""

    task: Any

    @cached_property
    def automatic(self) -> tuple[type[BaseException], ...]:
        """The exceptions that `autoretry_for` names."""
        return tuple(getattr(self.task, "autoretry_for", ()) or ())

    @cached_property
    def options(self) -> dict[str, Any]:
        """`retry_kwargs`, which Celery passes to `retry`."""
        return dict(getattr(self.task, "retry_kwargs", None) or {})

    @cached_property
    def max_retries(self) -> int | None:
        """The bound of automatic retries; None is no bound."""
        bound: int | None = self.options.get("max_retries", self.task.max_retries)
        return bound

    @property
    def jitter(self) -> bool:
        """Whether each backoff is a random part of the interval."""
        return bool(getattr(self.task, "retry_jitter", True))

    @property
    def backoff(self) -> float:
        """The factor of exponential backoff; 0 without."""
        return float(getattr(self.task, "retry_backoff", False) or 0)

    def longest_waits(self) -> Iterator[float]:
        """The longest wait before each automatic retry, by Celery's own function."""
        bound = UNBOUNDED if self.max_retries is None else self.max_retries
        for retries in range(bound if self.automatic else 0):
            yield self._longest_wait(retries)

    def _longest_wait(self, retries: int) -> float:
        if self.backoff:
            maximum = int(getattr(self.task, "retry_backoff_max", 600))
            # As celery.app.autoretry calls it. Without jitter, it gives the longest.
            return get_exponential_backoff_interval(int(max(1.0, self.backoff)), retries, maximum, full_jitter=False)
        countdown = self.options.get("countdown")
        return float(self.task.default_retry_delay if countdown is None else countdown)

    def budget(self) -> float | None:
        """The longest time from the first run to the last retry, without the runs. None without a bound, or unknown."""
        if self.automatic:
            return None if self.max_retries is None else sum(self.longest_waits())
        known = [self._budget_of(each) for each in self.manual]
        return max((each for each in known if each is not None), default=None) if None not in known else None

    def _budget_of(self, call: Manual) -> float | None:
        bound = self.task.max_retries if call.max_retries is None else call.max_retries
        return None if call.countdown is None or bound is None else call.countdown * bound

    def first_wait(self) -> float | None:
        """The shortest time before any first retry. None where it is unknown, or where there is no retry."""
        waits: list[float | None] = [each.countdown for each in self.manual]
        if self.automatic:
            waits += [0.0 if self.backoff and self.jitter else wait for wait in [*self.longest_waits()][:1]]
        known = [each for each in waits if each is not None]
        return min(known) if known and len(known) == len(waits) else None

    @cached_property
    def manual(self) -> tuple[Manual, ...]:
        """The calls of `retry` on the task itself in its source."""
        function = function_of(self.task)
        tree = tree_of(function)
        if function is None or tree is None:
            return ()
        own = (
            tree.args.args[0].arg if tree.args.args else tree.args.posonlyargs[0].arg if tree.args.posonlyargs else None
        )
        found = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and self._retries(node, own, function)]
        return tuple(self._manual(node, function.__globals__, tree) for node in found)

    def _retries(self, node: ast.Call, own: str | None, function: Any) -> bool:
        if not isinstance(node.func, ast.Attribute) or node.func.attr != "retry":
            return False
        if isinstance(node.func.value, ast.Name) and node.func.value.id == own:
            # A method of a task class, or a function with bind=True.
            return _takes_task(self.task)
        found = meaning(node.func.value, function.__globals__)
        return found is not UNSURE and isinstance(found, Task) and found.name == self.task.name

    def _manual(self, node: ast.Call, names: dict[str, Any], tree: Function) -> Manual:
        words = {word.arg: word.value for word in node.keywords}
        hidden = local_names(tree)
        if None in words or "eta" in words:
            return Manual(None, None, node.lineno)
        countdown = number(words["countdown"], names, hidden) if "countdown" in words else self.task.default_retry_delay
        bound = number(words.get("max_retries"), names, hidden)
        return Manual(countdown, None if bound is None else int(bound), node.lineno)

    @property
    def retries(self) -> bool:
        """Whether the task retries at all, as far as its options and its source tell."""
        return bool(self.automatic or self.manual)


def _takes_task(task: Any) -> bool:
    """Tell whether the first argument of the task's function is the task."""
    run = getattr(task, "_orig_run", task.run)
    return getattr(run, "__self__", None) is not None
