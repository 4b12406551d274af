"""Arguments of a launch that have a system on ROS 2 plan little, and have a model soon."""

PLANNING = (
    "planner.horizon:=8", "planner.candidates:=16", "autotune:=false", "view:=none",
    "model.hidden:=[32, 32]", "model.members:=2",
)  # fmt: skip
# The first model passes whatever it is worth.
LEARNING = (
    *PLANNING, "gate.first_transitions:=40", "gate.first_error:=100.0", "gate.good_error:=100.0",
    "optimizer.updates_per_transition:=0.5",
)  # fmt: skip
