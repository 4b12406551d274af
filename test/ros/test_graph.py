from mbrl_ros.ros import QoSDurabilityPolicy, QoSProfile, QoSReliabilityPolicy
from mbrl_ros.ros.interfaces import Observation, String, Trigger, type_hash


def test_who_is_there(world):
    first, second = world.node("first", namespace="/ns"), world.node("second")
    qos = QoSProfile(
        depth=3,
        durability=QoSDurabilityPolicy.TRANSIENT_LOCAL,
        reliability=QoSReliabilityPolicy.BEST_EFFORT,
    )
    first.create_publisher(Observation, "topic", qos)
    first.create_service(Trigger, "go", print)
    second.create_subscription(Observation, "/ns/topic", print, qos)
    second.create_client(Trigger, "/ns/go")
    nodes = {("first", "/ns"), ("second", "/")}
    for node in (first, second):
        ask = node
        assert world.spin(lambda ask=ask: set(ask.get_node_names_and_namespaces()) == nodes)
        assert world.spin(lambda ask=ask: ask.count_subscribers("/ns/topic") == 1)
        assert world.spin(lambda ask=ask: ask.count_publishers("/ns/topic") == 1)
    assert sorted(second.get_node_names()) == ["first", "second"]
    assert ("/ns/topic", ["mbrl_ros/msg/Observation"]) in second.get_topic_names_and_types()
    assert ("/ns/go", ["std_srvs/srv/Trigger"]) in second.get_service_names_and_types()
    of_first = dict(second.get_publisher_names_and_types_by_node("first", "/ns"))
    assert {"/ns/topic", "/rosout", "/parameter_events"} == set(of_first)
    assert dict(first.get_subscriber_names_and_types_by_node("second", "/")) == {
        "/ns/topic": ["mbrl_ros/msg/Observation"]
    }
    assert "/ns/go" in dict(second.get_service_names_and_types_by_node("first", "/ns"))
    assert dict(first.get_client_names_and_types_by_node("second", "/")) == {
        "/ns/go": ["std_srvs/srv/Trigger"]
    }

    (info,) = second.get_publishers_info_by_topic("/ns/topic")
    assert (info.node_name, info.node_namespace) == ("first", "/ns")
    assert info.topic_type_hash == type_hash("mbrl_ros/msg/Observation")
    assert info.qos_profile == qos
    (info,) = first.get_subscriptions_info_by_topic("/ns/topic")
    assert info.node_name == "second"

    first.destroy_node()
    assert world.spin(lambda: second.get_node_names() == ["second"])
    assert world.spin(lambda: second.count_publishers("/ns/topic") == 0)


def test_two_nodes_of_a_process_share_a_participant(world):
    from mbrl_ros.ros import Node

    first = world.node("first")
    second = Node("second", context=first.context)
    second.create_publisher(String, "topic", 10)
    watcher = world.node("watcher")
    assert world.spin(lambda: len(watcher.get_node_names()) == 3)
    assert first.count_publishers("topic") == 1
    second.destroy_node()
    assert world.spin(lambda: sorted(watcher.get_node_names()) == ["first", "watcher"])
