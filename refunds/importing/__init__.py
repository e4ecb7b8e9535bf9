"""Room: import return requests from files."""
