"""Room: let an operator resolve a refund that fails or was possibly paid twice."""
