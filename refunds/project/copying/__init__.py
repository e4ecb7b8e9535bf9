"""Copy the core and the wanted rooms, with their tests, as an app into another Django project."""
