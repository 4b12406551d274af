"""The model in use, and how it is replaced while the loop runs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from mbrl_ros.control.model_history import ModelHistory, Version
from mbrl_ros.control.settings import AdaptationSettings, ControllerSettings
from mbrl_ros.core.kinds import KINDS, kind_of
from mbrl_ros.core.spaces import Space
from mbrl_ros.models.prior import Prior, alone
from mbrl_ros.models.trial import try_out
from mbrl_ros.models.update import ModelUpdate
from mbrl_ros.models.world_model import Correction, Step, UnlearnedError, WorldModel
from mbrl_ros.objectives.objective import Objective
from mbrl_ros.planning.settings import PlannerSettings


@dataclass(frozen=True)
class ActiveModel:
    """The model in use.

    Attributes:
        model: predicts.
        version: epoch and sequence.
        learned: the same model as the trainer left it.
        members: number of members that it was limited to (0: all).
        engine: that computes it.
        adaptation: settings of its correction.
        correction: corrects it by what happens; None: nothing does.
    """

    model: WorldModel
    version: Version
    learned: WorldModel
    members: int
    engine: str
    adaptation: AdaptationSettings
    correction: Correction | None = None

    def observe(self, step: Step) -> None:
        """Correct it by what happened."""
        if self.correction is not None:
            self.correction.observe(step)


class ModelManager:
    """Checks models, swaps them in between ticks, and rolls back.

    Swapping replaces one reference, so `active` may be read by any thread; a tick reads it once.

    Attributes:
        active: the model in use; None before the first.
        learner: kind of models that are accepted.
        refusal: why the newest model was refused; empty if it was not.
    """

    def __init__(
        self,
        observation: Space,
        action: Space,
        settings: ControllerSettings,
        learner: str,
        check: Callable[[WorldModel], None],
        past: Callable[[WorldModel], Sequence[Step]],
        prior: Prior | None = None,
    ) -> None:
        """Create a manager without a model.

        Args:
            observation: O dimensions.
            action: A dimensions.
            settings: of the controller.
            learner: kind of models that are accepted.
            check: raises ValueError if whoever decides cannot use a model.
            past: returns the newest steps as a model knows them, oldest first.
            prior: of the task, that models were learned with; None: there is none.
        """
        self.active: ActiveModel | None = None
        self.learner = learner
        self.refusal = ""
        self._observation, self._action = observation, action
        self._device, self._prior = settings.device, prior
        self._members, self._engine = settings.planner.members, settings.planner.engine
        self._adaptation = settings.adaptation
        self._check, self._past = check, past
        self._history = ModelHistory()

    @property
    def held(self) -> bool:
        """Whether newer models are kept, but not used."""
        return self._history.held

    @property
    def version(self) -> Version:
        """Epoch and sequence of the model in use; (0, 0) before the first."""
        return self.active.version if self.active else (0, 0)

    @property
    def correction(self) -> float:
        """Size of the model's correction, relative to what it corrects; 0 without one."""
        active = self.active
        return active.correction.size if active is not None and active.correction else 0.0

    @property
    def policy_objective(self) -> str:
        """Digest of the objective that the policy in use was learned for; empty: there is none."""
        policy = self.active.model.policy if self.active is not None else None
        return policy.objective if policy is not None else ""

    def begin_with_prior(self, objective: Objective) -> None:
        """Use the prior alone, if there is one, until a model has been learned.

        Not where nobody can decide by it: an objective may ask for learned rewards, and an agent
        for a policy.
        """
        if self._prior is None:
            return
        model = alone(self._prior, self._observation, self._action)
        actions = torch.from_numpy(self._action.neutral).float().expand(1, 1, -1)
        with contextlib.suppress(ValueError, UnlearnedError):
            objective.at(0, None, None).score(model.imagine(model.initial(1), actions))
            self.use(model, 0, 1)

    def offer(self, update: ModelUpdate, epoch: int, sequence: int) -> None:
        """Check a model and use it from the next tick on, unless an earlier one is held.

        Raises:
            ValueError: if it is damaged, does not fit, or is not newer; the present one stays.
        """
        self.take(self.prepare(update, epoch, sequence))

    def use(self, model: WorldModel, epoch: int, sequence: int) -> None:
        """Use a model that needs no unpacking; see `offer`.

        Raises:
            ValueError: if it does not fit the agent, or is not newer.
        """
        self._check(model)
        self.take(self._activated(model, (epoch, sequence)))

    def prepare(self, update: ModelUpdate, epoch: int, sequence: int) -> ActiveModel:
        """Check and unpack a model, which takes time; for any thread.

        Raises:
            ValueError: if it is damaged, does not fit, or is not newer; it stays in `refusal`.
        """
        try:
            prepared = self._prepared(update, epoch, sequence)
        except Exception as error:
            self.refusal = str(error)
            raise
        self.refusal = ""
        return prepared

    def _prepared(self, update: ModelUpdate, epoch: int, sequence: int) -> ActiveModel:
        version = epoch, sequence
        self._history.check_newer(version)
        kind = kind_of(update.kind, self.learner)
        model: WorldModel = kind.make_world_model(update, self._device, self._prior)
        if update.kind not in KINDS:
            try_out(model, f"learner '{update.kind}'")
        for what, expected, own in (
            ("observation", self._observation, model.observation),
            ("action", self._action, model.action),
        ):
            if expected.names != own.names:
                raise ValueError(
                    f"model {epoch}/{sequence}: {what}: expected {', '.join(expected.names)}, "
                    f"got {', '.join(own.names)}"
                )
        self._check(model)
        return self._activated(model, version)

    def take(self, prepared: ActiveModel) -> None:
        """Use a prepared model from the next tick on, unless an earlier one is held.

        Raises:
            ValueError: if a newer one has come meanwhile.
        """
        self._history.check_newer(prepared.version)
        self._history.add(prepared.learned, prepared.version)
        if self.held:
            return
        made_for = prepared.members, prepared.engine, prepared.adaptation
        if made_for == (self._members, self._engine, self._adaptation):
            self.active = prepared
        else:  # the settings have changed since it was prepared
            self._use(prepared.learned, prepared.version)

    def roll_back(self) -> None:
        """Use the model before the present one from the next tick on, and hold it.

        Raises:
            ValueError: if no earlier one is kept.
        """
        self._use(*self._history.before(self.version))

    def use_newest(self) -> None:
        """Use the newest model from the next tick on, and each that comes.

        Raises:
            ValueError: if there is none yet.
        """
        self._use(*self._history.newest())

    def compute_as(self, planner: PlannerSettings) -> None:
        """Predict with the members and the engine of these settings, from the next tick on."""
        before = self._members, self._engine
        self._members, self._engine = planner.members, planner.engine
        if before != (self._members, self._engine):
            self._renew()

    def adapt(self, enabled: bool) -> bool:
        """Correct the model online from now on, or use it as the trainer left it.

        Returns:
            whether it was corrected until now.
        """
        before = self._adaptation.enabled
        self._adaptation = replace(self._adaptation, enabled=enabled)
        self._renew()
        return before

    def _renew(self) -> None:
        if self.active is not None:
            self._use(self.active.learned, self.active.version)

    def _use(self, model: WorldModel, version: Version) -> None:
        self.active = self._activated(model, version)

    def _activated(self, model: WorldModel, version: Version) -> ActiveModel:
        """Return a model ready for use; the original is left unchanged."""
        members, engine, adaptation = self._members, self._engine, self._adaptation
        made: tuple[WorldModel, Correction | None]
        made = model.fork(members or None).with_engine(engine), None
        if adaptation.enabled:
            past = self._past(made[0])
            made = made[0].correct(adaptation.strength, adaptation.memory, past)
        return ActiveModel(made[0], version, model, members, engine, adaptation, made[1])
