"""A function called in a process that yields to all others."""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any, TypeVar

from mbrl_ros.core.niceness import yield_process

_Result = TypeVar("_Result")
# The priority is lower before anything large is imported.
_RUN = "import sys; sys.path[:] = {path!r}; from mbrl_ros.core.niced_call import main; main()"


def call_niced(function: Callable[..., _Result], *arguments: Any) -> _Result:
    """Return what a function returns, computed in a process of its own that yields.

    A thread that yields would hold the interpreter's lock while it waits for a processor, and hold
    up its whole process.

    Args:
        function: of a module.
        arguments: that can be pickled, as what it returns.

    Raises:
        OSError: if the process cannot be started, or ended without a result.
    """
    command = [sys.executable, "-c", _RUN.format(path=sys.path)]
    # In a session of its own, which the terminal's Ctrl-C does not reach.
    done = subprocess.run(
        command,
        input=pickle.dumps((function, arguments)),
        stdout=subprocess.PIPE,
        start_new_session=True,
        check=False,
    )
    if done.returncode:
        raise ChildProcessError(f"{function.__name__}: its process ended with {done.returncode}")
    # Of our own child's pipe, which nobody else can write to.
    result: _Result = pickle.loads(done.stdout)
    return result


def main() -> None:
    """Call what standard input says, and write the result to standard output."""
    yield_process()
    out = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # where libraries may print
    # Whoever called may have been killed.
    with contextlib.suppress(EOFError, pickle.UnpicklingError):
        function, arguments = pickle.load(sys.stdin.buffer)
        result = pickle.dumps(function(*arguments))
        with contextlib.suppress(BrokenPipeError), os.fdopen(out, "wb") as answer:
            answer.write(result)
