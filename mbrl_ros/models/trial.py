"""A world model of a user's own kind, tried once before it is used."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from mbrl_ros.core.extensions import ExtensionError, describe
from mbrl_ros.core.pending import calling
from mbrl_ros.core.spaces import Space
from mbrl_ros.models.imagined import Imagined
from mbrl_ros.models.world_model import WorldModel

# Candidates and steps; no two numbers of a shape should be the same.
_CANDIDATES, _HORIZON = 5, 3


def try_out(model: Any, who: str) -> None:
    """Call everything that control calls of a model, and check the shapes of what it answers.

    Numbers that are not finite are no concern here: they may depend on the observation, and no
    plan is made of them.

    Args:
        model: a user's.
        who: it is, in messages.

    Raises:
        ExtensionError: naming what fails, or answers what it must not.
    """
    _Trial(model, who).run()


class _Trial:
    def __init__(self, model: Any, who: str) -> None:
        self._model, self._who = model, who

    def run(self) -> None:
        model = self._model
        if not isinstance(model, WorldModel):
            self._refuse("its model", "a WorldModel", model)
        for name in ("observation", "action"):
            if not isinstance(space := getattr(model, name, None), Space):
                self._refuse(name, "a Space", space)
        for name, least in (("members", 1), ("delay", 0), ("context", 1)):
            number = getattr(model, name, None)
            if not isinstance(number, int) or number < least:
                self._refuse(name, f"an integer >= {least}", number)
        members, names = model.members, model.observation.dim
        seen = torch.from_numpy(model.observation.neutral)
        seen = seen if model.precise else seen.float()
        acted = torch.from_numpy(model.action.neutral).float()
        self._check_belief("initial", self._ask("initial", 2), 2)
        belief = self._ask("observe", None, acted, seen, True)
        self._check_belief("observe", belief)
        self._check_belief("observe", self._ask("observe", belief, acted, seen, False))
        filtered = self._ask("filter", acted.repeat(2, 1), seen.repeat(2, 1), [True, False])
        if not isinstance(filtered, list) or len(filtered) != 2:
            self._refuse("filter", "a list of 2 beliefs for 2 steps", filtered)
        self._check_belief("filter", filtered[-1])
        self._check("features", self._ask("features", belief), ((1, members), 1, None))
        self._check_belief("ahead", self._ask("ahead", belief, acted.repeat(_HORIZON, 1)))
        candidates = acted.expand(_CANDIDATES, _HORIZON, -1).clone()
        for name in ("imagine", "imagine_gradients") if model.differentiable else ("imagine",):
            self._check_imagined(name, self._ask(name, belief, candidates))
        surprise = self._ask("surprise", belief, acted.repeat(_HORIZON, 1), seen)
        self._check("surprise", surprise, (names,))
        fork = self._ask("fork")
        if not isinstance(fork, WorldModel):
            self._refuse("fork", "a WorldModel", fork)

    def _check_belief(self, name: str, belief: Any, batch: int = 1) -> None:
        if not isinstance(belief, tuple) or not belief:
            self._refuse(name, "a tuple of tensors as belief", belief)
        for part in belief:
            shape = tuple(part.shape[:2]) if isinstance(part, Tensor) else ()
            if shape not in ((1, batch), (self._model.members, batch)):
                self._refuse(name, f"a belief of tensors (M or 1, {batch}, ...)", part)

    def _check_imagined(self, name: str, imagined: Any) -> None:
        if not isinstance(imagined, Imagined):
            self._refuse(name, "an Imagined", imagined)
        each = (self._model.members, _CANDIDATES)
        for part, shape in (
            ("observations", (*each, _HORIZON + 1, self._model.observation.dim)),
            ("features", (*each, _HORIZON + 1, None)),
            ("rewards", (*each, _HORIZON)),
            ("continues", (*each, _HORIZON)),
        ):
            if (found := getattr(imagined, part)) is not None:
                self._check(f"{name}: {part}", found, shape)

    def _check(self, name: str, found: Any, shape: tuple[Any, ...]) -> None:
        """Check a tensor's shape, of which None may be any number, and a tuple one of some."""
        sizes = found.shape if isinstance(found, Tensor) and found.is_floating_point() else None
        if (
            sizes is None
            or len(sizes) != len(shape)
            or not all(
                wanted is None or size == wanted or (isinstance(wanted, tuple) and size in wanted)
                for size, wanted in zip(sizes, shape, strict=True)
            )
        ):
            words = ", ".join(
                "*" if n is None else " or ".join(map(str, n)) if isinstance(n, tuple) else str(n)
                for n in shape
            )
            self._refuse(name, f"numbers of shape ({words})", found)

    def _ask(self, name: str, *given: Any) -> Any:
        try:
            with calling(f"{self._who}: {name}"):
                return getattr(self._model, name)(*given)
        except Exception as error:
            raise ExtensionError(f"{self._who}: {name}: {describe(error)}") from error

    def _refuse(self, name: str, expected: str, got: Any) -> None:
        text = (
            f"shape {tuple(got.shape)}" if isinstance(got, Tensor) else " ".join(repr(got).split())
        )
        raise ExtensionError(f"{self._who}: {name}: expected {expected}, got {text[:60]}")
