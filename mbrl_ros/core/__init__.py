"""Names, units and records shared by all packages; without torch."""
