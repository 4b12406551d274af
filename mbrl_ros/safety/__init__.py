"""Never outside the limits, and what to do when in doubt."""
