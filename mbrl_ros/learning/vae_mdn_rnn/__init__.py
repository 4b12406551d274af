"""Learning of VAE, mixture density RNN and linear controller."""
