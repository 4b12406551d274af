"""What the commands for a running system are made of."""
