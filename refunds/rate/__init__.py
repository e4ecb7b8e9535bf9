"""Room: a limit on the calls to a payment provider, over all workers."""
