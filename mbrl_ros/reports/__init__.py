"""Metrics and figures of a run, live and afterwards, from its messages and files alone."""
