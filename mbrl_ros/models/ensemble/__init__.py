"""An ensemble of neural networks."""
