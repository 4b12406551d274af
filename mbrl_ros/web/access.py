"""Who may steer: a page's viewer, by where they come from or by a token."""

from __future__ import annotations

import hmac
import ipaddress
from urllib.parse import urlsplit


def is_foreign(origin: str, host: str) -> bool:
    """Return whether a page of somebody else's opened the connection, in a browser of ours.

    Browsers let every page connect to this computer; they say which page it was.

    Args:
        origin: header of the request, such as ``http://localhost:8080``; empty: no browser.
        host: header of the request, such as ``localhost:8080``.
    """
    return bool(origin) and urlsplit(origin).netloc.lower() != host.lower()


def is_local(address: str, host: str) -> bool:
    """Return whether a viewer sits at this computer, or at the end of a forwarded port.

    Args:
        address: the viewer's.
        host: what the viewer calls this computer: another name would be a proxy's, or that of a
            page whose name was made to point here.
    """
    name = urlsplit(f"//{host}").hostname or ""
    return _is_loopback(address) and (name == "localhost" or _is_loopback(name))


def is_token(given: str, token: str) -> bool:
    """Return whether the token is right; an empty one never is."""
    return bool(token) and hmac.compare_digest(given.encode(), token.encode())


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
