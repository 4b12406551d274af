"""Objectives: rewards over batches of imagined trajectories."""
