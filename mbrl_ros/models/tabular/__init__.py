"""Tables: what followed each observation and action, counted."""
