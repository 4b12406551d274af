"""How good it is: prediction errors, episodes and references."""
