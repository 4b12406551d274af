"""Thin nodes: parameters and topics in, calls to the packages below, topics out."""
