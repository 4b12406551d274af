"""The real ROS 2 of this machine, and what the tests start with it."""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from support.waiting import PATIENCE, wait_until

ROOT = Path(__file__).resolve().parents[2]
SETUPS = sorted(Path("/opt/ros").glob("*/setup.bash"))
PATH = "/usr/local/bin:/usr/bin:/bin"
# What an installed package is made of.
SOURCES = ("CMakeLists.txt", "package.xml", "requirements.txt")
FOLDERS = ("mbrl_ros", "msg", "srv", "config", "launch", "test")
_VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
# Built workspaces, also of the runs before; each is some 30 MB.
CACHES = Path(tempfile.gettempdir()) / f"mbrl_ros-colcon-{os.getuid()}"
_CACHES_KEPT = 4


def why_not():
    """Why these tests cannot run here; "" if they can."""
    if not SETUPS:
        return "no ROS 2 in /opt/ros"
    if not (SETUPS[-1].parent / "lib" / _VERSION).is_dir():
        return f"{SETUPS[-1].parent} is built for another Python than {_VERSION}"
    if shutil.which("colcon", path=PATH) is None:
        return "no colcon"
    return ""


def clean_environment(domain):
    """An environment with nothing of this process, nor of a virtual environment."""
    environment = {
        "HOME": tempfile.gettempdir(),
        "LANG": "C.UTF-8",
        "PATH": PATH,
        "PYTHONUNBUFFERED": "1",
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
        "ROS_DOMAIN_ID": str(domain),
    }
    if list(SETUPS[-1].parent.glob("lib/librmw_cyclonedds_cpp.*")):
        # Services between the embedded runtime and ROS 2 need the same middleware.
        environment["RMW_IMPLEMENTATION"] = "rmw_cyclonedds_cpp"
    return environment


def sourced(environment, *setups):
    """The environment after sourcing setup files."""
    lines = [f"source '{setup}' >&2" for setup in setups]
    out = subprocess.run(
        ["bash", "-c", " && ".join([*lines, "env -0"])],
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
    ).stdout.decode()
    return dict(line.split("=", 1) for line in out.split("\0") if line)


def with_packages(environment):
    """The same with the Python that runs the tests, which has torch and the rest, first."""
    return {**environment, "PATH": f"{Path(sys.prefix) / 'bin'}:{environment['PATH']}"}


def copy_sources(folder):
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in SOURCES:
        shutil.copy(ROOT / name, folder / name)


@contextlib.contextmanager
def building():
    """Keep the caches to oneself, whatever other runs of the tests there are."""
    CACHES.mkdir(mode=0o700, exist_ok=True)
    with CACHES.with_name(f"{CACHES.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build(workspace, *options, install="install"):
    """Build the workspace into a folder; returns the setup file to source."""
    environment = sourced(clean_environment(0), SETUPS[-1])
    built = subprocess.run(
        ["colcon", "build", "--install-base", install, *options],
        cwd=workspace,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert built.returncode == 0, built.stdout
    assert "stderr" not in built.stdout, built.stdout
    return workspace / install / "setup.bash"


def forget_old_caches():
    for old in sorted(CACHES.iterdir(), key=lambda p: p.stat().st_mtime)[:-_CACHES_KEPT]:
        shutil.rmtree(old, ignore_errors=True)


class Started:
    """A process with its own group, whose output goes to a file."""

    def __init__(self, words, environment, output, cwd):
        self._path = output
        with output.open("w") as file:
            self.process = subprocess.Popen(
                # A process in the background of a script would ignore SIGINT otherwise.
                ["env", "--default-signal=INT,QUIT", *map(str, words)],
                env=environment,
                cwd=cwd,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self):
        return self._path.read_text(errors="replace")

    def wait_for(self, text, timeout=PATIENCE):
        """Wait until it has printed a text."""
        wait_until(lambda: text in self.output or self.process.poll() is not None, timeout)
        assert text in self.output, self.output

    def stop(self, number=signal.SIGINT, timeout=PATIENCE):
        """Send a signal to all of it, as a terminal does; returns its exit code at the end."""
        os.killpg(self.process.pid, number)
        code = self.process.wait(timeout)
        assert wait_until(lambda: not self.group_alive(), PATIENCE), "it left processes behind"
        assert "Traceback" not in self.output, self.output
        return code

    def kill(self):
        if self.group_alive():
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def group_alive(self):
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return False
        return True
