import sys
import time

import pytest
from support.waiting import PATIENCE, eventually

from mbrl_ros.cli import supervisor as module
from mbrl_ros.cli.supervisor import NodeCrashesError, NodeRefusedError, Supervisor

pytestmark = pytest.mark.process

SLEEP = "import time; print('up', flush=True); time.sleep(60)"
STUBBORN = "import signal; signal.signal(signal.SIGINT, lambda *_: None); " + SLEEP
IMMORTAL = "import signal; signal.signal(signal.SIGTERM, lambda *_: None); " + STUBBORN


class Told(list):
    def __call__(self, node, line):
        self.append((node, line))

    def lines(self, node="a"):
        return [line for name, line in self if name == node]


@pytest.fixture
def system(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(module, "_LONGEST_PAUSE", 0.02)
    monkeypatch.setattr(module, "_GRACE", 0.5)
    monkeypatch.setattr(module, "_SECOND_GRACE", 0.5)
    made = []

    def make(spare=(), **codes):
        told = Told()
        commands = {name: [sys.executable, "-c", code] for name, code in codes.items()}
        made.append(Supervisor(commands, tmp_path / "logs", told, spare))
        made[-1].start()
        return made[-1], told

    yield make
    for supervisor in made:
        supervisor.stop([list(supervisor.processes)], lambda: True)


def watch(supervisor, until, timeout=PATIENCE):
    def look():
        supervisor.check()
        return until()

    eventually(look, timeout)


def test_output_goes_to_a_file_and_is_passed_on(system, tmp_path):
    supervisor, told = system(a=SLEEP, b=SLEEP)
    watch(supervisor, lambda: told.lines("a") == told.lines("b") == ["up"])
    assert (tmp_path / "logs" / "b.log").read_text() == "up\n"


def test_what_ends_is_started_again(system):
    supervisor, told = system(a=SLEEP)
    watch(supervisor, lambda: told)
    supervisor.processes["a"].send(module.signal.SIGKILL)
    watch(supervisor, lambda: told.lines()[-1] == "up" and len(told) == 3)
    assert "ended (killed by SIGKILL), starts again" in told.lines()[1]
    assert supervisor.restarts == {"a": 1}


def test_a_refused_configuration_is_told_in_its_own_words(system):
    supervisor, _ = system(a="print('error: no such thing'); exit(2)", b=SLEEP)
    with pytest.raises(NodeRefusedError, match=r"^a: no such thing$"):
        watch(supervisor, lambda: False)


def test_there_is_an_end_to_crashes_in_a_row(system):
    supervisor, _ = system(a="exit(7)")
    with pytest.raises(NodeCrashesError, match=r"again and again \(exit code 7\)"):
        watch(supervisor, lambda: False)


def test_a_system_goes_on_without_what_it_can_spare(system):
    supervisor, told = system(a="exit(7)", spare=["a"])
    watch(supervisor, lambda: "again and again" in told.lines()[-1] if told else False)
    supervisor.check()
    assert supervisor.restarts == {"a": 5}
    assert not supervisor.crashed


def test_stopping_goes_from_polite_to_force(system, monkeypatch):
    supervisor, told = system(a=SLEEP, b=STUBBORN, c=IMMORTAL)
    watch(supervisor, lambda: len(told) == 3)
    # On a busy machine it takes Python seconds to end when it is asked to; the others never do.
    monkeypatch.setattr(module, "_GRACE", 60.0)
    supervisor.stop([["a"]], lambda: False)
    monkeypatch.setattr(module, "_GRACE", 0.5)
    monkeypatch.setattr(module, "_SECOND_GRACE", 3.0)
    supervisor.stop([["b"], ["c"]], lambda: False)
    ends = {name: process.ending for name, process in supervisor.processes.items()}
    assert ends == {
        "a": "exit code 1" if ends["a"].startswith("exit") else "killed by SIGINT",
        "b": "killed by SIGTERM",
        "c": "killed by SIGKILL",
    }
    assert told.lines("c")[-2:] == ["does not stop: SIGTERM", "does not stop: SIGKILL"]


def test_a_hurry_does_not_wait_for_the_order(system, monkeypatch):
    monkeypatch.setattr(module, "_GRACE", 1000.0)
    monkeypatch.setattr(module, "_HURRIED_GRACE", 0.1)
    supervisor, told = system(a=IMMORTAL, b=SLEEP)
    watch(supervisor, lambda: len(told) == 2)
    began = time.monotonic()
    supervisor.stop([["a"], ["b"]], lambda: time.monotonic() > began + 0.3)
    assert not any(process.running for process in supervisor.processes.values())
