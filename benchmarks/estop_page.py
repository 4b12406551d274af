"""How long after E-STOP goes down in a browser the safe command is on `action`.

    python benchmarks/estop_page.py [--count N] [--window 800,600] [--task NAME] [--json FILE]

A whole system by the launcher, which plans and learns, its page open in a headless Chromium, and a
listener: N times E-STOP is pressed at a random moment, and the system armed again. A press begins
with the browser's own time stamp of it, before any queue in the page. Without a graphics card the
browser draws with a core of this computer, less in a smaller window.
"""

import argparse
import contextlib
import json
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "test")]
os.environ["MBRL_ROS_RUNTIME"] = "embedded"

import yaml  # noqa: E402
from selenium.webdriver import ActionChains  # noqa: E402
from support.browser import browsing  # noqa: E402
from support.domains import claimed  # noqa: E402
from support.waiting import eventually  # noqa: E402

from mbrl_ros.nodes.qos import EVENTS, LATCHED  # noqa: E402
from mbrl_ros.ros import Context, Node, SingleThreadedExecutor  # noqa: E402
from mbrl_ros.ros import interfaces as ri  # noqa: E402

# When each press began, and when the page's own listeners were called [ms since 1970].
LISTEN = """
window.presses = [];
window.addEventListener("pointerdown", (event) => {
  if (event.target.closest("button")?.textContent.includes("E-STOP"))
    window.presses.push([Date.now() - performance.now() + event.timeStamp, Date.now()]);
}, true);
"""
STOP, ARM = "//button[contains(., 'E-STOP')]", "//button[normalize-space()='Arm']"
PLANS = (ri.Action.PLANNED, ri.Action.TRUNCATED, ri.Action.REUSED)
# Until the next press, at least and at most [s]: in whatever phase of a period that ends.
PAUSE = (0.5, 1.5)
# After this time only safe commands come [s].
SETTLED = 0.3


class Listener:
    """Hears e-stops and commands, on a thread, and when they came [s since 1970]."""

    def __init__(self) -> None:
        self.stops: list[float] = []
        self.commands: list[tuple[float, int]] = []
        self.guard = ""
        self._context = Context()
        self._context.init(args=[])
        node = Node("listener", context=self._context)
        node.create_subscription(ri.Bool, "estop", self._on_estop, LATCHED)
        node.create_subscription(ri.Action, "action", self._on_action, EVENTS)
        node.create_subscription(ri.GuardStatus, "guard_status", self._on_guard, LATCHED)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(node)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._spin)
        self._thread.start()

    def close(self) -> None:
        """End."""
        self._over.set()
        self._thread.join()
        self._context.try_shutdown()

    @property
    def plans(self) -> bool:
        """Whether the newest command is a plan's, and the guard armed."""
        return self.guard == "armed" and bool(self.commands) and self.commands[-1][1] in PLANS

    def stopped_since(self, moment: float) -> tuple[float, float, int]:
        """Wait until what has been stopped since a moment stands still.

        Returns:
            when the e-stop was heard, when the first of the safe commands that alone came from then
            on, and how many others came since the moment.
        """
        eventually(lambda: self.guard == "stopped" and self.stops and self.stops[-1] >= moment)
        time.sleep(SETTLED)
        since = [each for each in self.commands if each[0] >= moment]
        others = [i for i, (_, source) in enumerate(since) if source != ri.Action.FALLBACK]
        first = others[-1] + 1 if others else 0
        return next(at for at in self.stops if at >= moment), since[first][0], first

    def _spin(self) -> None:
        while not self._over.is_set():
            self._executor.spin_once(timeout_sec=0.05)

    def _on_estop(self, message: Any) -> None:
        if message.data:
            self.stops.append(time.time())

    def _on_action(self, message: Any) -> None:
        self.commands.append((time.time(), message.source))

    def _on_guard(self, message: Any) -> None:
        self.guard = message.state


@contextlib.contextmanager
def system(task: str, run: Path) -> Iterator[str]:
    """Run a system with its page; yield where that is."""
    words = ["sim", f"task:={task}", "duration:=0", "view:=page", f"run_dir:={run}"]
    launcher = [sys.executable, "-m", "mbrl_ros.cli", "launch", *words]
    log = run / "logs" / "web_monitor.log"
    with subprocess.Popen(launcher, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        try:
            found = eventually(
                lambda: log.exists() and re.search(r"http://\S+:\d+", log.read_text())
            )
            yield found[0]
        finally:
            process.send_signal(signal.SIGINT)


def press(browser: Any, listener: Listener) -> dict[str, float]:
    """Press E-STOP once, and arm again.

    Returns:
        from its going down until the page was told, `estop` was heard and the safe command was
        [ms]; and how many other commands came before that.
    """
    hand = ActionChains(browser)
    hand.click_and_hold(browser.find_element("xpath", STOP)).perform()
    (down, told), *_ = browser.execute_script("return window.presses.splice(0)")
    heard, safe, between = listener.stopped_since(down / 1000)
    hand.reset_actions()
    hand.release().perform()
    browser.find_element("xpath", ARM).click()
    eventually(lambda: listener.plans)
    return {
        "the page is told": told - down,
        "estop": 1000 * heard - down,
        "safe command": 1000 * safe - down,
        "commands between": between,
    }


def measure(task: str, size: tuple[int, int], count: int) -> tuple[float, list[dict[str, float]]]:
    """Return the task's period [ms], and what each of some presses took."""
    with contextlib.ExitStack() as stack:
        os.environ["ROS_DOMAIN_ID"] = str(stack.enter_context(claimed()))
        run = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "run"
        url = stack.enter_context(system(task, run))
        told = yaml.safe_load((run / "config.yaml").read_text())
        listener = Listener()
        stack.callback(listener.close)
        browser = stack.enter_context(browsing(*size))
        browser.get(url)
        eventually(lambda: browser.find_elements("xpath", ARM))
        eventually(lambda: listener.plans)
        browser.execute_script(LISTEN)
        found = []
        for _ in range(count):
            time.sleep(random.uniform(*PAUSE))
            found.append(press(browser, listener))
        return 1000 * told["/**"]["ros__parameters"]["period"], found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=30, help="presses")
    parser.add_argument("--window", default="800,600", help="the browser's width and height")
    parser.add_argument("--task", default="cartpole_swingup")
    parser.add_argument("--json", type=Path, help="write each press to this file")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    width, height = map(int, options.window.split(","))
    period, found = measure(options.task, (width, height), options.count)
    print(
        f"{len(found)} presses, {width} x {height}, period {period:.0f} ms, load before {load:.1f}"
    )
    print(f"{'ms after it goes down':24}{'median':>8}{'95 %':>8}{'most':>8}")
    for name in found[0]:
        values = sorted(each[name] for each in found)
        high = values[min(int(0.95 * len(values)), len(values) - 1)]
        print(f"{name:24}{statistics.median(values):8.1f}{high:8.1f}{values[-1]:8.1f}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
