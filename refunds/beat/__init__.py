"""Room: keep beat's schedule in the database as the code declares it."""
