"""Room: the default project around the app."""
