"""How a run went: figures while it runs and after it, from its messages and files alone."""
