"""What we want: rewards over batches of predicted trajectories."""
