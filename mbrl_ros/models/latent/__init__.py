"""Models that imagine in a latent state: what their kinds have in common."""
