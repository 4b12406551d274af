"""What the model believes that its cameras show, on its topic."""

import numpy as np
import pytest
from support.waiting import eventually

from mbrl_ros.core.records import Observation
from mbrl_ros.data.frames import decode
from mbrl_ros.data.messages import read_frame
from mbrl_ros.models.world_model import UnlearnedError

ros = pytest.importorskip("mbrl_ros.ros")
ri = pytest.importorskip("mbrl_ros.ros.interfaces")

from mbrl_ros.nodes.qos import FRAMES  # noqa: E402
from mbrl_ros.nodes.reconstruction import ReconstructionPublisher  # noqa: E402

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.process


class Model:
    """What a controller is asked, and how often."""

    def __init__(self):
        self.asked, self.answer = 0, None

    def picture(self):
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_it_is_told_only_while_somebody_listens_and_whatever_the_model_does(domain):
    context = ros.Context()
    ros.init(args=[], context=context)
    node, model, heard = ros.Node("controller", context=context), Model(), []
    executor = ros.SingleThreadedExecutor(context=context)
    executor.add_node(node)
    told = ReconstructionPublisher(node, model)

    def live():
        told.update()
        executor.spin_once(timeout_sec=0.01)

    for _ in range(5):
        live()
    assert model.asked == 0

    subscription = node.create_subscription(ri.Frame, "reconstruction", heard.append, FRAMES)
    # Nothing is known yet; no images; a fault; then there is one.
    for answer in (None, UnlearnedError("tells no images"), RuntimeError("sizes differ")):
        model.answer, asked = answer, model.asked
        eventually(lambda asked=asked: model.asked > asked + 2, meanwhile=live)
    assert heard == []
    seen = Observation(3, 14, np.zeros(2), stamp=1_500_000_000)
    image = torch.full((32, 32, 3), 77, dtype=torch.uint8)
    model.answer = seen, {"front": image, "wrist": 2 * image}
    eventually(lambda: {frame.camera for frame in heard} == {"front", "wrist"}, meanwhile=live)
    frame = next(frame for frame in heard if frame.camera == "wrist")
    assert (frame.episode, frame.step, frame.header.stamp.nanosec) == (3, 14, 500_000_000)
    assert (decode(read_frame(frame)) == 154).all()

    node.destroy_subscription(subscription)
    eventually(lambda: told._publisher.get_subscription_count() == 0, meanwhile=live)
    live()
    asked = model.asked
    for _ in range(5):
        live()
    assert model.asked == asked
    told.close()
    node.destroy_node()
    executor.shutdown()
    ros.try_shutdown(context=context)
