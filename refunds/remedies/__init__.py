"""Room: what an operator does about a refund that fails."""
