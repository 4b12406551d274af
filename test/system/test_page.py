"""The page of a running system, used in a real browser as a person would."""

import re

import pytest
from support.waiting import eventually

from mbrl_ros.ros import interfaces as ri

from .test_system import QUICK, Listener

pytest.importorskip("viser", reason="the page needs viser")
pytest.importorskip("selenium", reason="the browser needs selenium")
from selenium.webdriver import ActionChains
from support.browser import BROWSER, DRIVER, browsing

HOLD = "//button[normalize-space()='Hold to command']"
SLIDER = "//label[normalize-space()='{}']/following::*[@role='slider'][1]"

CART = """<mujoco><option timestep="0.02"/><worldbody><body>
  <joint name="x" type="slide" axis="1 0 0" damping="1"/><geom size="0.1" mass="0.2"/>
  </body></worldbody><actuator><motor joint="x" ctrlrange="-1 1"/></actuator></mujoco>"""
# It is paid for pushing to one side, or to the other: whatever the model knows.
TASK = """/**: {ros__parameters: {
  task: cart, period: 0.04, observation.names: [x, speed],
  action: {names: [push], low: [-1.0], high: [1.0]}}}
mujoco_sim: {ros__parameters: {environment: cart.xml, action_repeat: 2, time_limit: 8.0}}
mpc_controller: {ros__parameters: {objective: {
  name: go, terms: [to_the_right], to_the_right: {type: linear, of: [push], weight: 1.0}}}}
"""


@pytest.fixture
def browser():
    if not (BROWSER and DRIVER):
        pytest.skip("Chromium or its chromedriver is not installed")
    with browsing() as opened:
        yield opened


@pytest.fixture
def listener():
    made = Listener()
    made._hear("guard_status", ri.GuardStatus)
    yield made
    made.close()


def text_of(browser):
    return browser.execute_script("return document.body.innerText")


def page_of(system):
    log = system.run_dir / "logs" / "web_monitor.log"
    return eventually(lambda: log.exists() and re.search(r"http://\S+:(\d+)", log.read_text()))


def test_the_robot_follows_a_slider(launch, browser, listener, tmp_path):
    (tmp_path / "cart.xml").write_text(CART)
    (tmp_path / "cart.yaml").write_text(TASK)
    words = (f"task:={tmp_path}/cart.yaml", *QUICK[2:], "autotune:=false", "view:=page")
    system = launch("sim", *words)
    browser.get(page_of(system)[0])
    listener.hears("controller_status", lambda status: status.source == ri.Action.PLANNED)
    listener.hears("observation", lambda o: o.values[1] > 0.5)
    slider = eventually(lambda: browser.find_elements("xpath", SLIDER.format("weight")))[0]
    slider.send_keys("\ue011")  # the home key: its lowest value
    listener.hears("observation", lambda o: o.values[1] < -0.5)
    assert system.end()[1] == ""


def test_a_slider_steers_the_controller_and_the_estop_stops_the_plant(launch, browser, listener):
    system = launch(*QUICK, "autotune:=false", "view:=page")
    found = page_of(system)
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
    hand = ActionChains(browser)
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
    log = system.run_dir / "logs" / "web_monitor.log"
    assert "No messages will be" not in log.read_text()
    assert system.end()[1] == ""
