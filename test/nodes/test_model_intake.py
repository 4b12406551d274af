"""Models on their way to the controller."""

import numpy as np
import pytest
from support.linear import OBSERVATION, exact_model
from support.waiting import eventually

from mbrl_ros.control.model_manager import ModelManager
from mbrl_ros.control.settings import ControllerSettings
from mbrl_ros.core.spaces import Space
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.models.ensemble.model import EnsembleModel
from mbrl_ros.models.packing import pack
from mbrl_ros.nodes.model_intake import ModelIntake
from mbrl_ros.planning.settings import PlannerSettings
from mbrl_ros.ros import interfaces as ri

ACTION = Space.of(["force"], [-1.0], [1.0])
MODEL = exact_model(np.eye(2), np.ones((2, 1)), ACTION, members=2)


class Log:
    """The log of a node, which it stands for."""

    def __init__(self):
        self.told = []

    def get_logger(self):
        return self

    def warning(self, text, **throttle):
        self.told.append(text)


@pytest.fixture
def log():
    return Log()


@pytest.fixture
def models():
    settings = ControllerSettings()
    return ModelManager(
        OBSERVATION, ACTION, settings, "ensemble", lambda model: None, lambda model: ()
    )


@pytest.fixture
def intake(log, models):
    made = ModelIntake(log, models, TaskSettings(), ControllerSettings())
    yield made
    made.close()


def message(sequence):
    update = pack(MODEL)
    parts = [
        ri.ModelPart(name=name, weights=part.weights, sha256=part.sha256)
        for name, part in update.parts.items()
    ]
    return ri.ModelUpdate(
        epoch=1, sequence=sequence, kind=update.kind, settings=update.settings, parts=parts
    )


def test_of_many_at_once_the_newest_is_taken(intake, models, log):
    for sequence in range(1, 31):
        intake.on_model(message(sequence))
    eventually(lambda: intake.take_up() and models.version == (1, 30))
    assert log.told == []


def test_one_that_fails_as_it_is_taken_up_is_refused(intake, models, log, monkeypatch):
    def fork(model, members):
        raise RuntimeError("no members")

    intake.on_model(message(1))
    eventually(lambda: not intake._prepared.empty())
    models.compute_as(PlannerSettings(members=1))  # it is to be forked anew
    monkeypatch.setattr(EnsembleModel, "fork", fork)
    assert not intake.take_up()
    (told,) = log.told
    assert told.startswith(f"model refused: RuntimeError: no members ({__file__}:")
    monkeypatch.undo()
    intake.on_model(message(2))
    eventually(lambda: intake.take_up())
    assert models.version == (1, 2)
