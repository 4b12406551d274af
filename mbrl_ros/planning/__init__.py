"""Planners: search for action sequences with a world model and an objective."""
