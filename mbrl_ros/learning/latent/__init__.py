"""Learning of models that imagine in a latent state."""
