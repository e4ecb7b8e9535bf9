"""Check text for invisible characters, and addresses for faults that stop a mail. Rooms use this package."""
