"""What happened: transitions, and the bags they are kept in."""
