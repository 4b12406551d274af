"""Doing it on time and safely."""
