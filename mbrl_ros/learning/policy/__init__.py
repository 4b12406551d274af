"""Learning policies and values, from real and imagined steps."""
