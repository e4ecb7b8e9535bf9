"""Room: track refunds that a payment provider accepts first and settles later."""
