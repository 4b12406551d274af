"""The models that the controller was given, and the one that it uses."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace

from mbrl_ros.control.settings import AdaptationSettings
from mbrl_ros.dynamics.adaptation import Adaptation, Step
from mbrl_ros.dynamics.model import DynamicsModel
from mbrl_ros.dynamics.networks import Ensemble
from mbrl_ros.dynamics.rollout import Rollout

# Models to which it can be rolled back.
_KEPT = 5

Version = tuple[int, int]


@dataclass(frozen=True)
class ActiveModel:
    """The model in use.

    Attributes:
        rollout: predicts.
        version: epoch and sequence.
        adaptation: corrects it by what happens; None: nothing does.
    """

    rollout: Rollout
    version: Version
    adaptation: Adaptation | None = None

    def observe(self, step: Step) -> None:
        """Correct it by what happened."""
        if self.adaptation is not None:
            self.adaptation.observe(step)
            self.rollout.renew_last_layer()

    def with_members(self, members: int) -> ActiveModel:
        """Return the same with so many members that predict; 0: all."""
        return replace(self, rollout=Rollout(self.rollout.model, members or None))


def activated(
    model: DynamicsModel,
    version: Version,
    members: int,
    settings: AdaptationSettings,
    past: Iterable[Step],
) -> ActiveModel:
    """Return a model ready for use.

    Args:
        model: stays as it is.
        version: epoch and sequence.
        members: that predict; 0: all.
        settings: of its adaptation; only an ensemble has a last layer to adapt.
        past: what happened of late as this model is told of it, to begin with.
    """
    adaptation = None
    if settings.enabled and isinstance(model.network, Ensemble):
        # Corrections are made in place, and the model may be wanted again as it is.
        model = copy.deepcopy(model)
        adaptation = Adaptation(model, settings.strength, settings.memory, list(past))
    return ActiveModel(Rollout(model, members or None), version, adaptation)


class Models:
    """The newest models.

    Attributes:
        held: whether one is kept to, whatever comes.
    """

    def __init__(self) -> None:
        self.held = False
        self._kept: deque[tuple[DynamicsModel, Version]] = deque(maxlen=_KEPT)

    def check_newer(self, version: Version) -> None:
        """Check that a version is newer than all before.

        Raises:
            ValueError: if it is not.
        """
        newest = self._kept[-1][1] if self._kept else (0, 0)
        if version <= newest:
            raise ValueError(
                f"model {version[0]}/{version[1]}: expected a newer one than "
                f"{newest[0]}/{newest[1]}"
            )

    def add(self, model: DynamicsModel, version: Version) -> None:
        """Keep a model; the oldest is dropped."""
        self._kept.append((model, version))

    def of(self, version: Version) -> DynamicsModel:
        """Return the model of a version that is kept."""
        return next(model for model, kept in self._kept if kept == version)

    def newest(self) -> tuple[DynamicsModel, Version]:
        """Return the newest model, and keep to none any more.

        Raises:
            ValueError: if there is none yet.
        """
        if not self._kept:
            raise ValueError("there is no model yet")
        self.held = False
        return self._kept[-1]

    def before(self, version: Version) -> tuple[DynamicsModel, Version]:
        """Return the newest model before a version, and keep to it.

        Raises:
            ValueError: if none is kept.
        """
        earlier = [kept for kept in self._kept if kept[1] < version]
        if not earlier:
            raise ValueError(f"rollback: no model before {version[0]}/{version[1]} is kept")
        self.held = True
        return earlier[-1]
