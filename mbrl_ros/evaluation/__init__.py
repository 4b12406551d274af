"""Evaluation: prediction errors, calibration and the true model."""
