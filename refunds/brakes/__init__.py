"""Room: stop what a decision has begun: cancel a sweep, undo it, pause payments."""
