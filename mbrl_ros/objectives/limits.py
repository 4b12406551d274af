"""How large a number in an objective may be."""

# float32 tells 1,000,000 from 1,000,000.06; squares and sums of it stay far from overflow.
LARGEST = 1e6
