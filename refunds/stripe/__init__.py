"""Room: Stripe pays the refunds."""
