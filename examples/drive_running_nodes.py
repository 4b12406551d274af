"""Drive a running system: watch its status, set a goal, try an objective, on ROS 2 or without.

mbrl-ros launch sim task:=cartpole_swingup duration:=60      # or ros2 launch; then, beside it:
python examples/drive_running_nodes.py
"""

from mbrl_ros.nodes.qos import LATCHED
from mbrl_ros.ros import Node, SingleThreadedExecutor, init, try_shutdown
from mbrl_ros.ros import interfaces as ri


class Operator(Node):
    def __init__(self):
        super().__init__("operator")
        self.status = None
        self.goal = self.create_publisher(ri.Goal, "goal", LATCHED)
        self.objective = self.create_client(ri.SetObjective, "mpc_controller/set_objective")
        self.create_subscription(ri.ControllerStatus, "controller_status", self.on_status, 10)

    def on_status(self, message):
        self.status = message


init()
node, executor = Operator(), SingleThreadedExecutor()
executor.add_node(node)
while node.status is None or not node.objective.service_is_ready():
    executor.spin_once(timeout_sec=0.1)
print(f"{node.status.state}, plans for '{node.status.objective}'")
answer = node.objective.call_async(ri.SetObjective.Request(name="go_to"))
executor.spin_until_future_complete(answer, timeout_sec=5.0)
print(answer.result().message)
accepted = node.status.changes_accepted
node.goal.publish(ri.Goal(names=["cart_position"], values=[-0.5]))
while node.status.changes_accepted <= accepted:
    executor.spin_once(timeout_sec=0.1)
print(f"goal accepted, trust in the model: {node.status.trust}")
node.destroy_node()
try_shutdown()
