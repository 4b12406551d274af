"""Observations, transitions and episodes, and the bags that store them."""
