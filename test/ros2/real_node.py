"""What the scripts on real rclpy share: a node, and waiting while it is spun."""

import pathlib

import rclpy
from support.waiting import PATIENCE, eventually


def real_node(name, namespace=""):
    rclpy.init()
    return rclpy.create_node(name, namespace=namespace)


def until(node, condition, timeout=PATIENCE, message="it did not happen"):
    """Spin a node until a condition is true; fail after the time-out [s]."""
    return eventually(condition, timeout, message, lambda: rclpy.spin_once(node, timeout_sec=0.02))


def processes(run_dir, name):
    """Return the process ids of a run's node."""
    found = set()
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode().split(chr(0))
        except OSError:
            continue
        if f"{run_dir}/config.yaml" in words and any(w.endswith(f"/{name}") for w in words):
            found.add(int(folder.name))
    return found
