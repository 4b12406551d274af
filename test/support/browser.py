"""A headless Chromium, for what a person would do; needs selenium."""

import contextlib
import re
import shutil
import tempfile

from selenium import webdriver

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --use-angle=swiftshader --disable-dev-shm-usage "
    "--enable-unsafe-swiftshader --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync "
    # Another name of this computer, as other computers have one.
    '--host-resolver-rules="MAP robot.local 127.0.0.1"'
)


@contextlib.contextmanager
def browsing(width=800, height=600):
    """Open a browser with a window of so many pixels, and close it in the end.

    Raises:
        FileNotFoundError: if there is none.
    """
    if not (BROWSER and DRIVER):
        raise FileNotFoundError("Chromium or its chromedriver is not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in re.findall(r'--(?:[^\s"]|"[^"]*")+', f"{FLAGS} --window-size={width},{height}"):
        options.add_argument(flag.replace('"', ""))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        options.add_argument(f"--user-data-dir={folder}")
        driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
        try:
            yield driver
        finally:
            driver.quit()
