"""Room: a process whose clock differs from the database's decides nothing by a cutoff."""
