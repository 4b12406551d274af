"""Names, units and records that all packages share; no torch."""
