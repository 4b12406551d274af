import math

import pytest
import torch

from mbrl_ros.core.spaces import Space
from mbrl_ros.models.encoding import Encoding

ACTION = Space.of(["u", "v"], [-1.0, -1.0], [1.0, 1.0])
PLAIN = Encoding(Space.of(["x", "y", "z"]), ACTION)
# An angle first, one last, and a plain dimension in between.
ROUND = Encoding(Space.of(["yaw", "x", "roll"], angles=["roll", "yaw"]), ACTION)


def test_without_angles_the_input_is_observation_and_action():
    encoded = PLAIN.encode(torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([[4.0, 5.0]]))
    assert encoded.tolist() == [[1.0, 2.0, 3.0, 4.0, 5.0]]


def test_angles_enter_as_sine_and_cosine():
    yaw, roll = 0.3, -2.0
    encoded = ROUND.encode(torch.tensor([[yaw, 7.0, roll]]), torch.tensor([[4.0, 5.0]]))
    sines, cosines = [math.sin(roll), math.sin(yaw)], [math.cos(roll), math.cos(yaw)]
    torch.testing.assert_close(encoded, torch.tensor([[7.0, *sines, *cosines, 4.0, 5.0]]))
    assert encoded.shape[-1] == ROUND.input_dim


def test_a_full_turn_makes_no_difference_to_the_input():
    observation = torch.tensor([0.5, 1.0, -1.0])
    turned = observation + torch.tensor([2 * math.pi, 0.0, -4 * math.pi])
    action = torch.zeros(2)
    torch.testing.assert_close(
        ROUND.encode(observation, action), ROUND.encode(turned, action), atol=1e-5, rtol=0
    )


def test_writing_leaves_the_rest_of_a_batch_alone_and_broadcasts_actions():
    out = torch.full((3, 4, ROUND.input_dim), 99.0)
    observation = torch.randn(3, 4, 3)
    action = torch.randn(4, 2)
    ROUND.write_observation(observation, out)
    assert (out[..., -2:] == 99.0).all()
    ROUND.write_action(action, out)
    expected = ROUND.encode(observation, action.expand(3, -1, -1))
    torch.testing.assert_close(out, expected)
    assert not (out == 99.0).any()


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (math.pi - 0.1, -math.pi + 0.1, 0.2),
        (-math.pi + 0.1, math.pi - 0.1, -0.2),
        (0.1, -0.1, -0.2),
        (3.0, 3.0 + 6 * math.pi, 0.0),
        (0.0, 3.0, 3.0),
    ],
)
def test_the_change_of_an_angle_takes_the_short_way_round(before, after, change):
    delta = ROUND.difference(
        torch.tensor([before, 0.0, before]), torch.tensor([after, 10.0, after])
    )
    torch.testing.assert_close(delta, torch.tensor([change, 10.0, change]), atol=2e-6, rtol=0)


def test_the_change_of_a_plain_dimension_is_never_wrapped():
    delta = PLAIN.difference(torch.zeros(3), torch.tensor([0.0, 100.0, -50.0]))
    assert delta.tolist() == [0.0, 100.0, -50.0]


def test_taking_the_change_leaves_its_arguments_alone():
    before, after = torch.tensor([3.0, 0.0, 0.0]), torch.tensor([-3.0, 0.0, 0.0])
    ROUND.difference(before, after)
    assert before.tolist() == [3.0, 0.0, 0.0]
    assert after.tolist() == [-3.0, 0.0, 0.0]
