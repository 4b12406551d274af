"""Where in space a robot is, and its plan and its goals would take it."""
