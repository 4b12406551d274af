"""What to do: planners that search action sequences against a model and an objective."""
