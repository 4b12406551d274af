"""Bound on the numbers in an objective."""

# float32 distinguishes 1,000,000 from 1,000,000.06; squares and sums stay far from overflow.
LARGEST = 1e6
