"""Agents: choose the actions at each control tick."""
