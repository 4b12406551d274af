"""A robot as a plant: its own messages as observations, and actions as its own messages."""
