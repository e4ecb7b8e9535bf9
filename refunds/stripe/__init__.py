"""Room: pay refunds by Stripe."""
