"""Thin nodes: parameters and topics in, calls to the rooms, topics out."""
