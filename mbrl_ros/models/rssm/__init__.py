"""Recurrent state-space models: what would happen, imagined in a latent state."""
