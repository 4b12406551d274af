"""Graduation: before the robot, the same system against simulations worse than the model."""
