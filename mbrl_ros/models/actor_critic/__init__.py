"""Actor and critics: a policy and its value, learned together; they travel with a model."""
