"""Makes a virtual environment with pip in it, also where Debian left python3-venv out.

Usage: python3 make_venv.py FOLDER. An older environment there is replaced.
"""

import os
import shutil
import subprocess
import sys
import venv

OLDEST = (3, 10)


def main(folder: str) -> int:
    """Make the environment; return the process's exit code."""
    if sys.version_info < OLDEST:
        found = ".".join(str(part) for part in sys.version_info[:3])
        return fail(f"needs Python 3.10 or newer, got {found}: make PYTHON=python3.11")
    if has_ensurepip():
        venv.create(folder, clear=True, with_pip=True)
        return 0
    if has_pip():
        # This interpreter's pip can fill an environment that has none.
        venv.create(folder, clear=True, with_pip=False)
        python = os.path.join(folder, "bin", "python")
        return subprocess.call(
            [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "pip"]
        )
    if install_with_apt():
        # In a new process: this one has looked for ensurepip already.
        return subprocess.call([sys.executable, "-m", "venv", "--clear", folder])
    return fail("this Python has neither ensurepip nor pip: apt install python3-venv, then again")


def has_ensurepip() -> bool:
    """Tell whether `python -m venv` would work; Debian has it in a package of its own."""
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        return False
    return True


def has_pip() -> bool:
    """Tell whether this interpreter has a pip that knows --python (22.3 or newer)."""
    command = [sys.executable, "-m", "pip", "--python", sys.executable, "--version"]
    return subprocess.run(command, capture_output=True).returncode == 0


def install_with_apt() -> bool:
    """Install python3-venv where that needs no password; return whether it is there now.

    Only for Debian's own interpreter, in a container or as root: a user is asked instead.
    """
    own = os.path.realpath(sys.executable).startswith("/usr/bin/")
    if not own or os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    package = "python{}.{}-venv".format(*sys.version_info[:2])
    print(f"installing {package} with apt-get", flush=True)
    return (
        subprocess.call(["apt-get", "update", "-qq"]) == 0
        and subprocess.call(["apt-get", "install", "-y", "-qq", package]) == 0
    )


def fail(text: str) -> int:
    """Say what is wrong; return the exit code."""
    sys.stderr.write(f"error: {text}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
