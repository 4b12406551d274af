"""What yields to a control loop: whole processes, and functions in processes of their own."""

import os
import pickle
import subprocess
import sys

import pytest

from mbrl_ros.core.niced_call import call_niced, main
from mbrl_ros.core.niceness import USUAL

pytestmark = pytest.mark.process

# Prints the niceness of a thread that was there before, of one that is started after, and its own.
THREADS = """
import os, sys, threading
from mbrl_ros.core.niceness import yield_process

def note():
    print(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()), flush=True)

def waiting():
    go.wait()
    note()

added, wanted = map(int, sys.argv[1:])
os.nice(added)
go = threading.Event()
earlier = threading.Thread(target=waiting)
earlier.start()
yield_process(wanted)
go.set()
earlier.join()
later = threading.Thread(target=note)
later.start()
later.join()
note()
"""


@pytest.mark.parametrize(("added", "wanted", "found"), [(0, 2, 2), (3, 2, 3)])
def test_all_threads_of_a_process_yield_and_none_is_raised(added, wanted, found):
    now = os.getpriority(os.PRIO_PROCESS, 0)
    words = [sys.executable, "-c", THREADS, str(added), str(now + wanted)]
    said = subprocess.run(words, capture_output=True, text=True)
    assert said.stdout.split() == [str(now + found)] * 3, said.stderr


def test_a_function_is_called_in_a_process_that_yields():
    assert call_niced(os.getpid) != os.getpid()
    now = os.getpriority(os.PRIO_PROCESS, 0)
    assert call_niced(os.getpriority, os.PRIO_PROCESS, 0) == max(now, USUAL)
    assert call_niced(print, "what a library says") is None
    assert call_niced(len, "x" * 2**22) == 2**22


@pytest.mark.parametrize("sent", [0, 1, 10])
def test_a_caller_that_was_killed_is_no_error(sent):
    run = f"from {main.__module__} import main; main()"
    whole = pickle.dumps((len, ("x" * 100,)))
    said = subprocess.run([sys.executable, "-c", run], input=whole[:sent], capture_output=True)
    assert (said.returncode, said.stdout, said.stderr) == (0, b"", b"")


def test_a_function_that_fails_is_an_error_of_its_process(capfd):
    with pytest.raises(OSError, match="int: its process ended with 1"):
        call_niced(int, "no number")
    assert "invalid literal for int()" in capfd.readouterr().err
