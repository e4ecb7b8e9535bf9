"""The scenarios, by subject."""

import pkgutil
from importlib import import_module

from ..stage import SCENARIOS, Scenario


def load() -> dict[str, Scenario]:
    """Every scenario by its name."""
    for module in pkgutil.iter_modules(__path__):
        import_module(f".{module.name}", __name__)
    return SCENARIOS
