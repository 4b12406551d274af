"""World models of Ha and Schmidhuber (2018): VAE, mixture density RNN, linear controller."""
