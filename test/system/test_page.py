"""The page of a running system, used in a real browser as a person would."""

import re
import shutil
import tempfile

import pytest
from support.waiting import eventually

from mbrl_ros.ros import interfaces as ri

from .test_system import QUICK, Listener

viser = pytest.importorskip("viser", reason="the page needs viser")
webdriver = pytest.importorskip("selenium.webdriver", reason="the browser needs selenium")

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --use-angle=swiftshader --disable-dev-shm-usage "
    "--enable-unsafe-swiftshader --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --window-size=800,600 "
    # Another name of this computer, as other computers have one.
    '--host-resolver-rules="MAP robot.local 127.0.0.1"'
)
HOLD = "//button[normalize-space()='Hold to command']"
SLIDER = "//label[normalize-space()='{}']/following::*[@role='slider'][1]"


@pytest.fixture
def browser():
    if not (BROWSER and DRIVER):
        pytest.skip("Chromium or its chromedriver is not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in re.findall(r'--(?:[^\s"]|"[^"]*")+', FLAGS):
        options.add_argument(flag.replace('"', ""))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        options.add_argument(f"--user-data-dir={folder}")
        driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
        yield driver
        driver.quit()


@pytest.fixture
def listener():
    made = Listener()
    made._hear("guard_status", ri.GuardStatus)
    yield made
    made.close()


def text_of(browser):
    return browser.find_element("tag name", "body").text


def test_a_slider_steers_the_controller_and_the_estop_stops_the_plant(launch, browser, listener):
    system = launch(*QUICK, "autotune:=false", "view:=page")
    log = system.run_dir / "logs" / "web_monitor.log"
    found = eventually(lambda: log.exists() and re.search(r"http://\S+:(\d+)", log.read_text()))
    browser.get(found[0])
    listener.hears("controller_status", lambda status: status.state == "active")
    eventually(lambda: "running" in text_of(browser) and "mujoco_sim" in text_of(browser))

    request = ri.GetParameters.Request(names=["objective.caution"])
    (before,) = listener.call(ri.GetParameters, "mpc_controller/get_parameters", request).values
    slider = eventually(lambda: browser.find_elements("xpath", SLIDER.format("caution")))[0]
    slider.send_keys("\ue014" * 3)  # the right arrow

    def moved():
        (now,) = listener.call(ri.GetParameters, "mpc_controller/get_parameters", request).values
        return now.double_value > before.double_value

    eventually(moved)

    # While a button is held, a person commands; letting it go hands back.
    browser.find_element("xpath", "//*[normalize-space(text())='take over']").click()
    hold = eventually(lambda: browser.find_elements("xpath", HOLD))[0]
    eventually(hold.is_displayed)
    hand = webdriver.ActionChains(browser)
    hand.click_and_hold(hold).perform()
    listener.hears("guard_status", lambda status: status.person)
    listener.hears("action", lambda action: action.source == action.OVERRIDE)
    hand.reset_actions()
    hand.release().perform()
    listener.hears("guard_status", lambda status: not status.person)
    listener.hears("action", lambda action: action.source != action.OVERRIDE)

    browser.find_element("xpath", "//button[contains(., 'E-STOP')]").click()
    listener.hears("guard_status", lambda status: status.state == "stopped")
    listener.hears("controller_status", lambda status: status.estopped)
    # The safe command, which is zero here, is what the plant says it applies.
    listener.hears("observation", lambda o: o.step > 0 and list(o.action) == [0.0])
    listener.hears("action", lambda action: action.source == action.FALLBACK)
    eventually(lambda: "E-STOPPED" in text_of(browser))
    browser.find_element("xpath", "//button[normalize-space()='Arm']").click()
    listener.hears("guard_status", lambda status: status.state == "armed")
    listener.hears("controller_status", lambda status: not status.estopped)

    # Who calls this computer by another name is elsewhere, and only watches.
    browser.get(f"http://robot.local:{found[1]}")
    eventually(lambda: "steering needs a token" in text_of(browser))
    assert "running" in text_of(browser)
    assert not browser.find_elements("xpath", "//button[contains(., 'E-STOP')]")
    # Both of its goals' subscriptions are the controller's, one of which hears them.
    assert "No messages will be" not in log.read_text()
    assert system.end()[1] == ""
