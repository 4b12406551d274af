"""Take-over from the page."""

from mbrl_ros.web.takeover import TakeOver


class Clock:
    now = 10.0

    def __call__(self):
        return self.now


def made():
    sent, clock = [], Clock()
    return TakeOver(sent.append, clock), sent, clock


def passed(takeover, clock, ticks):
    """Let time pass; after 4 ticks in silence, that is 0.25 s, it hands back."""
    for _ in range(ticks):
        clock.now += 0.0625
        takeover.update()


def test_it_commands_while_the_button_is_held_and_then_hands_back():
    takeover, sent, clock = made()
    for _ in range(20):
        takeover.hold(1, [0.5])
        passed(takeover, clock, 3)
    assert sent == [[0.5]] * 20
    # Let go, the tab is closed, the line is cut: all is silence
    passed(takeover, clock, 1)
    assert sent == [[0.5]] * 20 + [[]]
    passed(takeover, clock, 50)
    assert sent == [[0.5]] * 20 + [[]] * 3


def test_nobody_hands_back_what_was_not_taken():
    takeover, sent, clock = made()
    passed(takeover, clock, 20)
    takeover.close()
    assert sent == []


def test_it_is_the_first_ones_until_they_let_go():
    takeover, sent, clock = made()
    assert takeover.hold(1, [0.5])
    assert not takeover.hold(2, [-0.5])
    passed(takeover, clock, 3)
    assert not takeover.hold(2, [-0.5])
    passed(takeover, clock, 1)
    assert takeover.hold(2, [-0.5])
    assert sent == [[0.5], [], [-0.5]]


def test_who_takes_over_again_at_once_is_not_interrupted_by_an_old_hand_back():
    takeover, sent, clock = made()
    takeover.hold(1, [0.5])
    passed(takeover, clock, 4)
    takeover.hold(1, [0.7])
    takeover.update()
    assert sent == [[0.5], [], [0.7]]


def test_the_end_of_the_page_hands_back():
    takeover, sent, _ = made()
    takeover.hold(1, [0.5])
    takeover.close()
    takeover.close()
    assert sent == [[0.5], []]
