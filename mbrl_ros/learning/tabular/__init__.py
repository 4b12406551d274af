"""Learning of tables: empirical value iteration and the Dyna family."""
