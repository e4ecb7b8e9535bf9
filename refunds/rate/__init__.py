"""Room: limit the rate of calls to the payment provider over all workers."""
