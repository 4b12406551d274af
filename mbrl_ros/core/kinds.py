"""Kinds of models by name, each with its settings, its world model and its learner."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mbrl_ros.core.extensions import load
from mbrl_ros.core.spaces import Space

#: Where our own kinds are described; nothing is imported before it is asked for.
KINDS = {
    "ensemble": "mbrl_ros.models.ensemble.kind:KIND",
    "gaussian_process": "mbrl_ros.models.gaussian_process.kind:KIND",
    "rssm": "mbrl_ros.models.rssm.kind:KIND",
    "tabular": "mbrl_ros.models.tabular.kind:KIND",
    "vae_mdn_rnn": "mbrl_ros.models.vae_mdn_rnn.kind:KIND",
}

#: Our own priors, the same: functions of arrays, made from `PriorSettings`, spaces and the period.
PRIORS = {"mujoco": "mbrl_ros.simulation.mujoco_prior:MujocoPrior"}


@dataclass(frozen=True)
class Kind:
    """A kind of model, as the parameter ``learner`` names it.

    The last two may be ``module:attribute``, so that who only reads settings imports no torch.

    Attributes:
        settings: the dataclass of what ``model.*`` of the trainer may be; see `settings.setting`.
        world_model: makes the `WorldModel` from a `ModelUpdate` and a device's name; ValueError if
            the update is damaged.
        learner: makes the `Learner` from the observation's and the action's space, the trainer's
            settings and the seed; ValueError if these do not fit.
        sees: whether it takes in ``observation.images``.
        corrects: whether it learns what a prior leaves; it is then an argument of both, if there
            is one.
        groups: of the trainer's settings that are other ones for this kind, as ``module:class``.
    """

    settings: type[Any]
    world_model: Callable[..., Any] | str
    learner: Callable[..., Any] | str
    sees: bool = False
    corrects: bool = False
    groups: Mapping[str, str] = field(default_factory=dict)

    def make_world_model(self, update: Any, device: str = "cpu", prior: Any = None) -> Any:
        """Return the `WorldModel` that a `ModelUpdate` describes.

        Args:
            update: as it came.
            device: where it is to compute.
            prior: of the task; None: there is none.

        Raises:
            ValueError: in one line, if it is damaged.
        """
        if "model" not in update.parts:
            named = ", ".join(map(repr, update.parts)) or "none"
            raise ValueError(f"model weights: expected a part 'model', got {named}")
        try:
            return _found(self.world_model)(update, device, **self._with(prior))
        except ValueError:
            raise
        except Exception as error:  # a user's own code, and what nobody has checked
            reason = " ".join(str(error).split())
            raise ValueError(f"{update.kind}: {type(error).__name__}: {reason}") from error

    def make_learner(
        self, observation: Space, action: Space, settings: Any, seed: int, prior: Any = None
    ) -> Any:
        """Return what `learner` makes; see there. The last argument is the task's prior.

        Raises:
            ValueError: if there are images to be seen by a kind that does not, or a prior to be
                corrected by one that does not, or as `learner`.
        """
        if observation.images and not self.sees:
            raise ValueError(
                "observation.images: this learner sees no images, expected none, got "
                f"{', '.join(observation.images)}"
            )
        return _found(self.learner)(observation, action, settings, seed, **self._with(prior))

    def _with(self, prior: Any) -> dict[str, Any]:
        if prior is None:
            return {}
        if not self.corrects:
            raise ValueError(
                "prior.model: this learner learns nothing beside a prior, expected none"
            )
        return {"prior": prior}


def find_kind(name: str) -> Kind:
    """Return one of our kinds by its name, or a user's by ``module:attribute``.

    Raises:
        ValueError: naming what there is, if there is none.
    """
    if name not in KINDS and ":" not in name:
        raise ValueError(
            f"learner: expected one of {', '.join(KINDS)} or module:attribute, got '{name}'"
        )
    found = load(KINDS.get(name, name), "learner")
    if not isinstance(found, Kind):
        raise ValueError(
            f"learner: expected a mbrl_ros.core.kinds.Kind, '{name}' is a {type(found).__name__}"
        )
    return found


def kind_of(name: str, configured: str) -> Kind:
    """Return the kind of a model from a file or a message, which chooses no code.

    Args:
        name: as the file or message has it.
        configured: the parameter ``learner`` here.

    Raises:
        ValueError: if they differ.
    """
    if name != configured:
        raise ValueError(
            f"kind of model: expected {configured}, as the parameter learner says, got '{name}'"
        )
    return find_kind(configured)


def _found(reference: Callable[..., Any] | str) -> Callable[..., Any]:
    made: Callable[..., Any]
    made = load(reference, "learner") if isinstance(reference, str) else reference
    return made
