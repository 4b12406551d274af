"""Learners, hold-out, gate and the training thread."""
