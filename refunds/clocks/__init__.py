"""Room: stop a process from acting on a cutoff if its clock differs from the database's."""
