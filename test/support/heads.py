"""Policies and values that are simple functions."""

from mbrl_ros.models.heads import Policy, Value


class FixedPolicy(Policy):
    """Chooses what a function says, also when it explores."""

    def __init__(self, function, objective=""):
        self._function, self.objective = function, objective

    def __call__(self, features):
        return self._function(features)

    def sample(self, features, generator):
        return self._function(features)


class FixedValue(Value):
    """Expects what a function says."""

    def __init__(self, function, objective=""):
        self._function, self.objective = function, objective

    def __call__(self, features):
        return self._function(features)
