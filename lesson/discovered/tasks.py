"""The module that autodiscovery looks for in a package; without a task of its own, which every app would then have."""

FOUND = __package__
