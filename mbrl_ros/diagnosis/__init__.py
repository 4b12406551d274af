"""What makes learning silently bad: findings about the data, in words."""
