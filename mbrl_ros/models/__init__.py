"""What would happen: world models, a folder a kind, and the parts that travel with them."""
