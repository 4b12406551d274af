"""Who decides at a tick."""
