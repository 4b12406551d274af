"""What would happen: learned models of ``s' = f(s, a)``."""
