"""Connections to the page, as browsers make them."""

import pytest

viser = pytest.importorskip("viser", reason="the page needs viser")
client = pytest.importorskip("websockets.sync.client")
closed = pytest.importorskip("websockets.exceptions").ConnectionClosed

from mbrl_ros.web.page import Page  # noqa: E402


@pytest.fixture
def page():
    made = Page("127.0.0.1", 0, "", None, "a task")
    yield made
    made.close()


def connected(page, **headers):
    url = page.url.replace("http", "ws")
    return client.connect(url, subprotocols=[f"viser-v{viser.__version__}"], **headers)


@pytest.mark.parametrize("origin", [None, "own"])
def test_the_page_itself_is_served(page, origin):
    with connected(page, origin=page.url if origin else None) as socket:
        assert socket.recv(timeout=20)


@pytest.mark.parametrize("origin", ["https://evil.example.org", "http://localhost:1", "null"])
def test_pages_of_others_are_not(page, origin):
    with connected(page, origin=origin) as socket, pytest.raises(closed):
        socket.recv(timeout=20)


def test_nobody_gets_a_tunnel_to_the_internet(page):
    assert page._server.request_share_url() is None


def test_an_address_of_another_computer_is_refused():
    with pytest.raises(ValueError, match=r"^host: '203.0.113.1' cannot be listened on: [^\n]*$"):
        Page("203.0.113.1", 0, "", None, "a task")
