"""The page's e-stop, whatever arms at the same time."""

from mbrl_ros.web.estop import EStop


def test_it_stops_and_is_taken_back():
    sent = []
    estop = EStop(sent.append)
    estop.press()
    asked = estop.presses
    assert estop.release(asked)
    assert not estop.was_pressed_since(asked)
    assert sent == [True, False]


def test_a_press_after_somebody_asked_to_arm_is_never_taken_back():
    sent = []
    estop = EStop(sent.append)
    asked = estop.presses
    estop.press()
    assert not estop.release(asked)
    assert sent == [True]


def test_what_was_armed_around_a_press_is_stopped_again():
    sent = []
    estop = EStop(sent.append)
    asked = estop.presses
    assert estop.release(asked)
    estop.press()
    assert estop.was_pressed_since(asked)
    assert sent == [False, True, True]
