"""Run the whole system on one machine, with a Redis in the process and children that end with it."""
