"""Gaussian processes, used for planning as functions sampled from the posterior."""
