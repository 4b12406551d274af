"""Where much work is done: in processes of this machine, or on a Ray cluster."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from typing import Any

from mbrl_ros.core.settings import SettingsError

# Time for a cluster's machine to answer [s].
_PATIENCE = 5.0


class _Ray(Executor):
    """Does it on the Ray cluster that this process is connected to, on a core each."""

    def __init__(self, ray: Any) -> None:
        self._remote = ray.remote(num_cpus=1, max_retries=0)(_call)

    def submit(self, function: Callable[..., Any], /, *args: Any, **named: Any) -> Future[Any]:
        """See `Executor.submit`; what fails is raised as on this machine."""
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()

        def done(found: Future[Any]) -> None:
            if (error := found.exception()) is None:
                future.set_result(found.result())
            else:
                cause = getattr(error, "cause", None)
                future.set_exception(cause if isinstance(cause, Exception) else error)

        self._remote.remote(function, args, named).future().add_done_callback(done)
        return future


def _call(function: Callable[..., Any], args: Sequence[Any], named: Mapping[str, Any]) -> Any:
    return function(*args, **named)


@contextlib.contextmanager
def workers(jobs: int, address: str = "") -> Iterator[Executor]:
    """Yield what does work; results do not depend on where.

    Args:
        jobs: things done at once on this machine.
        address: of a Ray cluster, as `ray.init` takes it: ``auto`` for one that was started here,
            ``host:port`` or ``ray://host:port``; it does as many at once as it has cores. Empty:
            this machine.

    Raises:
        SettingsError: if there is no Ray, or no such cluster.
    """
    if address:
        yield from _cluster(address)
        return
    # Not forked: a child would lack this process's threads.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, spawn) as pool:
        try:
            yield pool
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _cluster(address: str) -> Iterator[Executor]:
    try:
        import ray
    except ImportError:
        raise SettingsError("--ray: needs the package ray (pip install mbrl_ros[ray])") from None
    host, _, port = address.rpartition("/")[2].rpartition(":")
    if host and not (port.isdecimal() and 0 < int(port) < 2**16):
        raise SettingsError(f"--ray {address}: expected a port from 1 to 65535, got '{port}'")
    try:
        if host:  # Ray itself asks for minutes
            socket.create_connection((host.strip("[]"), int(port)), _PATIENCE).close()
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, ValueError, RuntimeError) as error:
        why = " ".join(str(error).split())
        raise SettingsError(f"--ray {address}: no such cluster: {why}") from None
    try:
        yield _Ray(ray)
    finally:
        ray.shutdown()
