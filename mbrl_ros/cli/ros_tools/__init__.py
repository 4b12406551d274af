"""Implementation of the commands for a running system."""
