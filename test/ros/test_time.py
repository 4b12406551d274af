import time

import pytest

from mbrl_ros.ros import Clock, ClockType, Duration, Parameter, Time
from mbrl_ros.ros.interfaces import Clock as ClockMessage

pytestmark = pytest.mark.alone


def test_arithmetic():
    a = Time(seconds=1, nanoseconds=5)
    assert a + Duration(seconds=1) == Time(seconds=2, nanoseconds=5)
    assert a - Time(seconds=1) == Duration(nanoseconds=5)
    assert Time.from_msg(a.to_msg(), a.clock_type) == a
    assert Duration.from_msg(Duration(seconds=-0.5).to_msg()) == Duration(seconds=-0.5)
    assert a.seconds_nanoseconds() == (1, 5)
    with pytest.raises(TypeError):
        assert a < Time(seconds=1, clock_type=ClockType.ROS_TIME)


def test_clocks():
    steady = Clock(clock_type=ClockType.STEADY_TIME)
    assert steady.now() <= steady.now()
    assert abs(Clock().now().nanoseconds - time.time_ns()) < 10**9


def test_timers(world):
    node = world.node()
    calls = []
    timer = node.create_timer(0.01, lambda: calls.append(time.monotonic()))
    assert world.spin(lambda: len(calls) >= 5)
    assert calls[4] - calls[0] >= 0.03
    timer.cancel()
    assert timer.is_canceled()
    count = len(calls)
    world.spin(timeout=0.05)
    assert len(calls) == count
    timer.reset()
    assert world.spin(lambda: len(calls) > count)
    # Being late does not lead to a burst.
    timer.timer_period_ns = 200_000_000
    timer.reset()
    time.sleep(0.5)
    count = len(calls)
    node.executor.spin_once(timeout_sec=0)
    node.executor.spin_once(timeout_sec=0)
    assert len(calls) == count + 1
    assert node.destroy_timer(timer)
    with pytest.raises(ValueError, match="non-negative"):
        node.create_timer(-1, print)


def test_simulated_time(world):
    node, simulator = world.node("node", ["-p", "use_sim_time:=true"]), world.node("simulator")
    publisher = simulator.create_publisher(ClockMessage, "/clock", 10)
    assert node.get_clock().now() == Time(clock_type=ClockType.ROS_TIME)
    calls = []
    node.create_timer(1.0, lambda: calls.append(node.get_clock().now().nanoseconds))

    def set_clock(seconds):
        message = ClockMessage()
        message.clock.sec = seconds

        def arrived():
            publisher.publish(message)
            return node.get_clock().now().seconds_nanoseconds() == (seconds, 0)

        assert world.spin(arrived)
        world.spin(timeout=0.05)

    set_clock(5)
    assert calls == [5 * 10**9]
    set_clock(7)
    assert calls == [5 * 10**9, 7 * 10**9]
    set_clock(2)  # the simulator was reset
    set_clock(3)
    assert calls[2:] == [3 * 10**9]
    result = node.set_parameters([Parameter("use_sim_time", value=False)])[0]
    assert result.successful
    assert abs(node.get_clock().now().nanoseconds - time.time_ns()) < 10**9
    assert not node.set_parameters([Parameter("use_sim_time", value=1)])[0].successful
