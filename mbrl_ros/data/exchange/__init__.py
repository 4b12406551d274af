"""Datasets of others: what they hold, and files of theirs made of ours."""
