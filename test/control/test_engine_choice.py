import threading
import time

import pytest
from known import ACTION, OBSERVATION

from mbrl_ros.control.engine_choice import choose_engine
from mbrl_ros.control.turns import TuningStoppedError, Turns
from mbrl_ros.models.function_model import FunctionModel


class Engined(FunctionModel):
    """A model whose engines take a known time and deviate by a known share."""

    def __init__(self, kinds, engine="float32"):
        """Take seconds and deviation of each engine by its name."""
        self.kinds, self.engine = kinds, engine
        self.seconds, self.off = kinds[engine]
        super().__init__(OBSERVATION, ACTION, self._next)

    @property
    def engines(self):
        return tuple(self.kinds)

    def with_engine(self, engine):
        return Engined(self.kinds, engine)

    def _next(self, observation, action):
        ends = time.thread_time() + self.seconds
        while time.thread_time() < ends:
            pass
        return observation + (1 + self.off) * action.sum(dim=-1, keepdim=True)


def choose(stop=None, **kinds):
    model = Engined(kinds)
    return choose_engine(model, ACTION, 8, 4, Turns(stop or threading.Event()))


def test_the_fastest_that_is_exact_enough_is_chosen():
    choice = choose(float32=(1e-3, 0), fast=(2e-4, 1e-3), fastest=(5e-5, 0.1))
    assert choice.engine == "fast"
    assert choice.trials["fastest"].deviation == pytest.approx(0.1, rel=1e-3)
    assert choice.trials["fastest"].seconds < choice.trials["fast"].seconds
    assert choice.trials["float32"].seconds >= 1e-3
    words = str(choice)
    assert words.startswith("fast (float32 ")
    assert "fastest" in words
    assert "(off by 10 %)" in words
    assert words.endswith("a step of 8 candidates)")


@pytest.mark.parametrize("off", [float("nan"), float("inf"), 0.021])
def test_what_is_not_exact_enough_is_never_chosen(off):
    assert choose(float32=(3e-4, 0), other=(3e-5, off)).engine == "float32"


def test_a_tie_is_the_references():
    assert choose(float32=(3e-4, 0), other=(3e-4, 0)).engine == "float32"


def test_where_there_is_one_engine_nothing_is_measured():
    choice = choose(float32=(1e3, 0))
    assert (choice.engine, choice.trials) == ("float32", {})


def test_another_thread_can_stop_it():
    stop = threading.Event()
    stop.set()
    with pytest.raises(TuningStoppedError):
        choose(stop, float32=(1e-5, 0), other=(1e-5, 0))


def test_every_rollout_waits_for_its_turn(monkeypatch):
    told, imagine = [], Engined.imagine

    class Loop:
        def wait(self, seconds):
            told.append("turn")

    monkeypatch.setattr(Engined, "imagine", lambda *a: told.append("rollout") or imagine(*a))
    model = Engined({"float32": (0.0, 0), "fast": (0.0, 0)})
    choose_engine(model, ACTION, 8, 4, Turns(gap=Loop()))
    assert told == ["turn", "rollout"] * (len(told) // 2)
    assert len(told) > 4
