"""The whole system on one machine with nothing else installed: a Redis in the process, children that end with it."""
