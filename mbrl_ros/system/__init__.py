"""Composition of a system: parameter files, nodes, processes, run folders."""
