"""`python -m refunds copy`: the core and the wanted rooms, with their tests, as an app of another Django project."""
