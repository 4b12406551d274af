"""A Gaussian process, planned with as functions drawn from it."""
