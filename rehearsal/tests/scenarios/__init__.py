"""Scenarios that a real worker process and the kit must tell alike."""
