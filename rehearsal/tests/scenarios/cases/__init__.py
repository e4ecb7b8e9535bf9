"""The scenarios, by subject. Importing the package registers all of them."""

import pkgutil
from importlib import import_module

for module in pkgutil.iter_modules(__path__):
    import_module(f".{module.name}", __name__)
