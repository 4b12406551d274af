"""What a user's own learner and model answer that is not what they must: one line that names it."""

import math
from dataclasses import replace

import pytest
import torch
from support.linear import LinearModel
from support.systems import ACTION, OBSERVATION, A, B

from mbrl_ros.control.model_manager import ModelManager
from mbrl_ros.control.settings import ControllerSettings
from mbrl_ros.core.extensions import ExtensionError
from mbrl_ros.core.kinds import Kind
from mbrl_ros.core.records import Transition
from mbrl_ros.learning.checked import make_learner
from mbrl_ros.learning.learner import GateDecision, Learner
from mbrl_ros.learning.settings import TrainerSettings
from mbrl_ros.models.imagined import Imagined
from mbrl_ros.models.update import ModelPart, ModelUpdate

TOLD = GateDecision(None, 0.5, math.nan, "waits")
STEP = Transition([0.0, 0.0], [0.0], [0.0, 0.0], 0, 0)


def fails(*_):
    return {}["gain"]


class Steady(Learner):
    """Does nothing, as it must."""

    is_due = False

    def append(self, transition):
        pass

    def judge(self):
        return TOLD


class Model(LinearModel):
    def __init__(self):
        super().__init__(A, B, ACTION, OBSERVATION)


def made(base, answers):
    """One of a class with other answers: functions, or attributes."""
    own = {n: property(v) if n in PROPERTIES and callable(v) else v for n, v in answers.items()}
    return type("Own", (base,), own)()


PROPERTIES = {"owed_updates", "updates", "is_due", "received", "kept_back"}
KIND = Kind(object, lambda update, device: OWN["model"](), lambda *_: OWN["learner"]())
OWN = {"model": Model, "learner": Steady}
NAME = f"{__name__}:KIND"


@pytest.fixture
def learner(monkeypatch):
    """A function that makes a learner that answers otherwise."""

    def make(**answers):
        monkeypatch.setitem(OWN, "learner", lambda: made(Steady, answers))
        return make_learner(NAME, OBSERVATION, ACTION, TrainerSettings(), 0)

    return make


LEARNER_FAULTS = {
    "owed_updates: expected a number, got None": {"owed_updates": None},
    "owed_updates: expected a number >= 0, got nan": {"owed_updates": math.nan},
    "owed_updates: expected a number >= 0, got inf": {"owed_updates": math.inf},
    "updates: expected a number >= 0, got -1": {"updates": -1},
    "received: expected a number, got [3, 4]": {"received": [3, 4]},
    "kept_back: KeyError: 'gain' (": {"kept_back": fails},
    "is_due: expected true or false, got 'no'": {"is_due": "no"},
    "is_due: KeyError: 'gain' (": {"is_due": fails},
    "append: KeyError: 'gain' (": {"append": fails},
    "update: KeyError: 'gain' (": {"update": fails},
    "judge: expected a GateDecision, got True": {"judge": lambda _: True},
    "judge: update: expected a ModelUpdate or None, got {'w": {
        "judge": lambda _: replace(TOLD, update={"w": torch.zeros(1)})
    },
    "judge: holdout_error: expected a number, got None": {
        "judge": lambda _: replace(TOLD, holdout_error=None)
    },
    "judge: reason: expected text, got 3": {"judge": lambda _: replace(TOLD, reason=3)},
    "take_loss: expected a number, got 'low'": {"take_loss": lambda _: "low"},
    "state: expected names to tensors, got [0.5]": {"state": lambda _: [0.5]},
    "state: expected names to tensors, got {'w': 0.5}": {"state": lambda _: {"w": 0.5}},
    "restore: KeyError: 'gain' (": {"restore": fails},
}


@pytest.mark.parametrize("told", LEARNER_FAULTS)
def test_a_learner_that_answers_what_it_must_not_is_named(learner, told):
    checked, name = learner(**LEARNER_FAULTS[told]), told.partition(":")[0]
    given = {"append": [STEP], "restore": [None]}.get(name, [])
    with pytest.raises(ExtensionError) as refusal:
        # A property raises before it is called.
        getattr(checked, name)(*given)
    assert str(refusal.value).startswith(f"learner '{NAME}': {told}")
    assert "\n" not in str(refusal.value)
    assert f"{__file__}:" in str(refusal.value) or "KeyError" not in told


def test_a_learner_that_owes_updates_for_ever_is_named(learner):
    checked = learner(owed_updates=2)
    for _ in range(999):
        checked.update()
    checked.append(STEP)
    for _ in range(999):
        checked.update()
    with pytest.raises(ExtensionError, match="update: expected fewer owed_updates after 1000"):
        checked.update()


def test_a_learner_that_is_well_answers_as_it_is(learner):
    checked = learner(owed_updates=2, take_loss=lambda _: torch.tensor(0.5))
    assert (checked.kind, checked.owed_updates, checked.is_due, checked.received) == (
        NAME,
        2,
        False,
        0,
    )
    assert checked.judge() == TOLD
    assert checked.take_loss() == 0.5
    assert checked.state() == {}
    assert checked.append(STEP) is checked.restore(None) is checked.update() is None


def refuses(*_):
    raise ValueError("observation: expected 2 numbers")


def test_what_a_learner_may_refuse_it_refuses(learner):
    with pytest.raises(ValueError, match="observation: expected 2") as refusal:
        learner(append=refuses).append(STEP)
    assert not isinstance(refusal.value, ExtensionError)


def test_a_kind_whose_learner_is_none(monkeypatch):
    monkeypatch.setitem(OWN, "learner", dict)
    with pytest.raises(ExtensionError, match="KIND': its learner: expected a Learner, got"):
        make_learner(NAME, OBSERVATION, ACTION, TrainerSettings(), 0)


def imagined(observations=(1, 5, 4, 2), **parts):
    return lambda model, belief, actions: Imagined(
        actions, torch.zeros(observations), **{n: torch.zeros(s) for n, s in parts.items()}
    )


MODEL_FAULTS = {
    "members: expected an integer >= 1, got 0": {"members": 0},
    "context: expected an integer >= 1, got None": {"context": None},
    "delay: expected an integer >= 0, got 0.5": {"delay": 0.5},
    "observation: expected a Space, got None": {"__init__": lambda self: None, "observation": None},
    "initial: expected a tuple of tensors as belief, got None": {"initial": lambda *_: None},
    "initial: expected a belief of tensors (M or 1, 2, ...), got shape (2, 2)": {
        "initial": lambda *_: (torch.zeros(2, 2),)
    },
    "observe: KeyError: 'gain' (": {"observe": fails},
    "observe: expected a belief of tensors (M or 1, 1, ...), got 'here'": {
        "observe": lambda *_: ("here",)
    },
    "filter: expected a list of 2 beliefs for 2 steps, got []": {"filter": lambda *_: []},
    "features: expected numbers of shape (1 or 1, 1, *), got shape (2,)": {
        "features": lambda *_: torch.zeros(2)
    },
    "ahead: KeyError: 'gain' (": {"ahead": fails},
    "imagine: KeyError: 'gain' (": {"imagine": fails},
    "imagine: expected an Imagined, got shape (1, 5, 4, 2)": {
        "imagine": lambda *_: torch.zeros(1, 5, 4, 2)
    },
    "imagine: observations: expected numbers of shape (1, 5, 4, 2), got shape (1, 5, 3, 2)": {
        "imagine": imagined((1, 5, 3, 2))
    },
    "imagine: rewards: expected numbers of shape (1, 5, 3), got shape (1, 5, 3, 1)": {
        "imagine": imagined(rewards=(1, 5, 3, 1))
    },
    "imagine_gradients: UnlearnedError: Own has no derivatives": {"differentiable": True},
    "surprise: expected numbers of shape (2), got 0.5": {"surprise": lambda *_: 0.5},
    "fork: expected a WorldModel, got None": {"fork": lambda *_: None},
}


@pytest.mark.parametrize("told", MODEL_FAULTS)
def test_a_model_that_answers_what_it_must_not_is_refused(monkeypatch, told):
    monkeypatch.setitem(OWN, "model", lambda: made(Model, MODEL_FAULTS[told]))
    manager = ModelManager(
        OBSERVATION, ACTION, ControllerSettings(), NAME, lambda _: None, lambda _: []
    )
    update = ModelUpdate(NAME, "{}", {"model": ModelPart.of({})})
    with pytest.raises(ExtensionError) as refusal:
        manager.offer(update, 1, 1)
    assert str(refusal.value).startswith(f"learner '{NAME}': {told}")
    assert "\n" not in str(refusal.value)
    assert (manager.active, manager.refusal) == (None, str(refusal.value))
    monkeypatch.setitem(OWN, "model", Model)
    manager.offer(update, 1, 2)
    assert manager.version == (1, 2)
