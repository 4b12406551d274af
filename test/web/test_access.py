"""Who may steer."""

import pytest

from mbrl_ros.web.access import is_foreign, is_local, is_token


@pytest.mark.parametrize(
    ("address", "host", "local"),
    [
        ("127.0.0.1", "localhost:8080", True),  # also the end of a forwarded port
        ("127.0.0.1", "127.0.0.1:9000", True),
        ("::1", "[::1]:8080", True),
        ("192.168.0.7", "robot:8080", False),
        ("192.168.0.7", "localhost:8080", False),  # a header says nothing of who sends it
        ("127.0.0.1", "robot.example.org", False),  # a proxy's
        ("127.0.0.1", "evil.example.org:8080", False),  # a name that was made to point here
        ("127.0.0.1", "", False),
        ("nonsense", "localhost", False),
    ],
)
def test_who_sits_here(address, host, local):
    assert is_local(address, host) is local


@pytest.mark.parametrize(
    ("origin", "host", "foreign"),
    [
        ("http://localhost:8080", "localhost:8080", False),
        ("http://Robot:8080", "robot:8080", False),
        ("", "localhost:8080", False),
        ("https://evil.example.org", "localhost:8080", True),
        ("http://localhost:3000", "localhost:8080", True),
        ("null", "localhost:8080", True),
    ],
)
def test_whose_page_it_is(origin, host, foreign):
    assert is_foreign(origin, host) is foreign


def test_tokens():
    assert is_token("séc", "séc")
    assert not is_token("sec", "secret")
    assert not is_token("", "")
    assert not is_token("anything", "")
