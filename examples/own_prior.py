"""Own prior: a cart-pole's equations of motion, whose errors the model learns.

    mbrl-ros learn cartpole_swingup --out runs/formula prior.model:=examples/own_prior.py:step

A prior is a function from observations and actions to the next observations, for many at once. With
torch's operations only, planners that need derivatives can plan through it, too.
"""

import torch

PERIOD, GRAVITY = 0.04, 9.81  # [s], [m/s^2]
CART, POLE, HALF_LENGTH = 1.0, 0.1, 0.5  # [kg], [kg], [m]
FORCE = 10.0  # of the whole motor [N]


def step(observation, action, cart=CART, pole=POLE):
    """Return the observations (..., 5) a control step after others, with actions (..., 1)."""
    position, cosine, sine, speed, turning = observation.unbind(-1)
    state = torch.stack([position, torch.atan2(sine, cosine), speed, turning], dim=-1)
    force = FORCE * action[..., 0].clamp(-1.0, 1.0)

    def change(state):
        """Return the derivative by time: a thin rod, its angle told from upright."""
        _, angle, speed, turning = state.unbind(-1)
        sine, cosine = angle.sin(), angle.cos()
        push = force + pole * HALF_LENGTH * turning**2 * sine
        inertia = 4 / 3 * HALF_LENGTH * (cart + pole) - pole * HALF_LENGTH * cosine**2
        turned = ((cart + pole) * GRAVITY * sine - push * cosine) / inertia
        moved = (push - pole * HALF_LENGTH * turned * cosine) / (cart + pole)
        return torch.stack([speed, turning, moved, turned], dim=-1)

    # Runge and Kutta's method of fourth order.
    first = change(state)
    second = change(state + PERIOD / 2 * first)
    third = change(state + PERIOD / 2 * second)
    fourth = change(state + PERIOD * third)
    after = state + PERIOD / 6 * (first + 2 * second + 2 * third + fourth)
    position, angle, speed, turning = after.unbind(-1)
    return torch.stack([position, angle.cos(), angle.sin(), speed, turning], dim=-1)
