"""Gradient steps of actor, critics and temperature."""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn

from mbrl_ros.learning.policy.settings import PolicySettings
from mbrl_ros.learning.policy.steps import Steps
from mbrl_ros.learning.policy_state import PolicyState, read_policy, saved_policy
from mbrl_ros.models.actor_critic.actor_critic import ActorCritic

# Weight of the entropy at first, in units of the rewards' root mean square.
_FIRST_TEMPERATURE = 0.1
_LEAST_LOG, _MOST_LOG = -12.0, 3.0
# Of its learning rate: where critics hardly tell actions apart, it has a long way to go before
# what they tell is tried out.
_TEMPERATURE_HASTE = 6.0
_TINY = 1e-6


class ActorCriticTrainer:
    """Soft actor-critic (Haarnoja et al. 2018) with careful critics.

    Unlike there, the critics expect rewards only: a plan's end is valued by them, and nobody pays
    for entropy. And as all rewards are known when they are drawn, so are bounds of every return.

    Attributes:
        learned: trained.
        updates: gradient steps so far.
    """

    def __init__(self, learned: ActorCritic, settings: PolicySettings, seed: int) -> None:
        """Draw new weights.

        Args:
            learned: to train.
            settings: of training.
            seed: of weights and actions.
        """
        self.learned = learned
        self.updates = 0
        self._settings = settings
        self._generator = torch.Generator().manual_seed(seed)
        learned.initialize(self._generator)
        self._slow = copy.deepcopy(learned.critics).requires_grad_(False)
        # Of returns, in the objective's unit: what lies within reach, and what all states are worth
        # alike; None: not known yet.
        self._least, self._most = -math.inf, math.inf
        self._level: float | None = None
        self._log_temperature = nn.Parameter(torch.tensor(math.log(_FIRST_TEMPERATURE)))
        self._optimizers = {
            "critics": self._optimizer(list(learned.critics.parameters())),
            "actor": self._optimizer(list(learned.actor.parameters())),
            "temperature": self._optimizer([self._log_temperature], _TEMPERATURE_HASTE),
        }

    def _optimizer(self, parameters: list[nn.Parameter], haste: float = 1.0) -> torch.optim.AdamW:
        rate = haste * self._settings.learning_rate
        return torch.optim.AdamW(parameters, lr=rate, weight_decay=0.0, fused=True)

    def draw(self, features: Tensor) -> Tensor:
        """Return random actions ``(N, A)`` of the policy for features ``(N, F)``."""
        return self.learned.draw(self.learned.read(features), self._generator)

    @torch.no_grad()
    def normalize_from(self, steps: Steps, anew: bool = False) -> None:
        """Set the units of inputs and answers from data.

        What the critics answer stays the same, unless the rewards are others than before: then
        every answer moves by what the mean reward is worth if it is paid for ever. Updates alone
        would take thousands to get there, since the critics follow their slow copies. Costs are not
        presumed to last: who hopes for an end to them looks for it.

        Args:
            steps: all kinds that there are.
            anew: whether they are judged by another objective than before.
        """
        learned = self.learned
        learned.normalize_from(steps.features)
        known = steps.reward[steps.weight > 0]
        size = float(known.square().mean().sqrt()) if len(known) else 0.0
        unit = size if math.isfinite(size) and size > 0.0 else 1.0
        ratio, moved = float(learned.unit) / unit, 0.0
        if len(known):
            long = 1.0 / max(1.0 - self._settings.discount, _TINY)
            # Nothing is paid after an end.
            self._least = long * min(0.0, float(known.min()))
            self._most = long * max(0.0, float(known.max()))
            level = long * max(0.0, float(known.mean()))
            if anew and (self._level is not None or not self.updates):
                moved = (level - (self._level or 0.0)) / unit
            self._level = level
        for critics in (learned.critics, self._slow):
            critics.weights[-1] *= ratio
            critics.biases[-1] *= ratio
            critics.biases[-1] += moved
        learned.unit.fill_(unit)

    def update(self, steps: Steps, imitating: bool = False) -> float:
        """Make one gradient step with each network; none along a loss that is not finite.

        Args:
            steps: a batch.
            imitating: whether the actor is to choose the actions of the steps, rather than what
                the critics find best.

        Returns:
            the critics' loss, in squared units of the rewards.
        """
        learned, discount = self.learned, self._settings.discount
        read, after = learned.read(steps.features), learned.read(steps.next_features)
        temperature = self._log_temperature.detach().exp()
        with torch.no_grad():
            then, _ = learned.expected(after, self._slow, self._generator)
            then = then.clamp(self._least / learned.unit, self._most / learned.unit)
            target = steps.reward / learned.unit + discount * steps.continues * then
        errors = (learned.judge(read, steps.action) - target).square()
        loss = (errors * steps.weight).sum(dim=0).mean()
        self._step("critics", loss)
        learned.critics.requires_grad_(False)
        expected, entropy = learned.expected(read, learned.critics, self._generator)
        wanted = -learned.apart(read, steps.action) if imitating else expected
        self._step("actor", -((wanted + temperature * entropy) * steps.weight).mean())
        learned.critics.requires_grad_(True)
        surplus = (entropy.detach() - learned.most_entropy).mean()
        self._step("temperature", self._log_temperature * surplus)
        with torch.no_grad():
            self._log_temperature.clamp_(_LEAST_LOG, _MOST_LOG)
            for slow, fast in zip(
                self._slow.parameters(), learned.critics.parameters(), strict=True
            ):
                slow.lerp_(fast, self._settings.target_rate)
        self.updates += 1
        return float(loss.item())

    def _step(self, name: str, loss: Tensor) -> None:
        if not loss.isfinite():
            return  # of an imagined reward, say: one bad batch must not end all learning
        optimizer = self._optimizers[name]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    def state(self) -> dict[str, Tensor]:
        """Return the state needed to resume training, beside the networks."""
        number = "log_temperature", self._log_temperature
        return saved_policy(self.updates, number, self._slow, self._optimizers)

    def check(self, state: dict[str, Tensor] | None) -> None:
        """Check that `load` will take a state; None: nothing is known of it.

        Raises:
            ValueError: if it does not fit.
        """
        self._read(state)

    def load(self, learned: ActorCritic, state: dict[str, Tensor] | None) -> None:
        """Resume with networks and, if known, the state that belongs to them.

        Raises:
            ValueError: if they do not fit; nothing is changed then.
        """
        known = self._read(state)
        self.learned.load_state_dict(learned.state_dict())
        self.learned.objective = learned.objective
        if known is None:
            self._slow.load_state_dict(learned.critics.state_dict())
            return
        self.updates = known.updates
        self._log_temperature.data.copy_(known.number)
        self._slow.load_state_dict(known.slow)
        for name, of_it in known.optimizers.items():
            self._optimizers[name].state.update(of_it)

    def _read(self, state: dict[str, Tensor] | None) -> PolicyState | None:
        return read_policy(state, "log_temperature", self._slow, self._optimizers)
