"""Safe commands, always within the limits."""
