"""Takes view.png, the picture of the page.

python docs/figures/view.py [name:=value ...]; it needs chromium, chromedriver and selenium. A
system is launched, left to learn, and photographed while the robot moves: soon after a reset.
"""

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from selenium import webdriver

LEARNING, MOVING = 90.0, 1.6  # [s] until the picture is taken, and of the episode then
SIZE = 1600, 1000
HERE = Path(__file__).resolve().parent


def main() -> None:
    """Take it."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        run = Path(folder) / "run"
        words = ["view:=page", "duration:=0", f"run_dir:={run}", *sys.argv[1:]]
        command = [sys.executable, "-m", "mbrl_ros.cli", "launch", "sim", *words]
        launch = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            time.sleep(LEARNING)
            log = (run / "logs" / "web_monitor.log").read_text()
            (url,) = re.findall(r"the page is at (\S+)", log)
            options = webdriver.ChromeOptions()
            for flag in ("headless=new", "no-sandbox", "use-angle=swiftshader",
                         "enable-unsafe-swiftshader", f"user-data-dir={folder}/browser",
                         f"window-size={SIZE[0]},{SIZE[1]}"):  # fmt: skip
                options.add_argument(f"--{flag}")
            browser = webdriver.Chrome(options)
            browser.get(url)
            time.sleep(20.0)  # without a graphics card, it draws slowly
            browser.find_element("xpath", "//button[normalize-space()='Reset']").click()
            time.sleep(MOVING)
            browser.save_screenshot(str(HERE / "view.png"))
            browser.quit()
        finally:
            launch.terminate()
            launch.wait()


if __name__ == "__main__":
    main()
