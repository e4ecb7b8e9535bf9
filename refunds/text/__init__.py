"""What rooms accept as text: which characters are invisible, and which addresses a mail can be written to."""
