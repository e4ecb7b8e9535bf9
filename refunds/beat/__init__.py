"""Room: beat, with its schedule in the database and held to the declared one."""
