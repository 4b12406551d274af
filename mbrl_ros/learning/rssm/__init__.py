"""Learning of recurrent state-space models."""
