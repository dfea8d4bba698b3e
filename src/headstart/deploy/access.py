"""`Access`: who may ask a server: by key, by the name it is called, and from which web pages.

A browser sends the requests of any page to any address that it can reach, so a server for this
machine alone is still everybody's unless it looks at `Host` (a hostile name may be made to point
at this machine: DNS rebinding), and at `Origin` and `Sec-Fetch-Site` (a page of another site).
"""

from __future__ import annotations

import contextlib
import hmac
import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers

__all__ = ["LOOPBACK", "Access", "host_name", "is_loopback", "origin_name"]

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
"""What programs of this machine call it."""

_PORTS = {"http": 80, "https": 443}
_SHOWN = 80
_SAFE = frozenset({"GET", "HEAD"})


@dataclass(frozen=True)
class Access:
    """Who may ask.

    Attributes:
        key: Demanded as `X-API-Key` or Bearer token of every request but those for open paths;
            None for none.
        hosts: What the server may be called in `Host`; None for anything.
        origins: Pages of other sites that may ask, as `https://example.org`; `*` for all.
    """

    key: str | None = None
    hosts: frozenset[str] | None = None
    origins: frozenset[str] = frozenset()

    def misdirected(self, headers: Headers) -> str:
        """Returns why the name the server is called by is not its own, or nothing."""
        given = headers.get("host")
        if self.hosts is None or given is None or host_name(given) in self.hosts:
            return ""
        name = given[:_SHOWN]
        return (
            f"{name!r} is not a name of this server: ask for http://127.0.0.1, or start it with "
            f"--allow-host NAME"
        )

    def foreign(self, headers: Headers, method: str, path: str) -> str:
        """Returns why the web page that asks may not, or nothing.

        Args:
            headers: Of the request.
            method: Likewise.
            path: Likewise.
        """
        origin, site = headers.get("origin"), headers.get("sec-fetch-site", "")
        if site == "same-origin" or self.welcomes(origin):
            return ""
        follows = headers.get("sec-fetch-mode") == "navigate" and method in _SAFE and path == "/"
        if site == "cross-site" and not (follows and origin is None):
            pass
        elif origin is None or _same_place(origin, headers.get("host", "")):
            return ""
        who = (origin or "another site")[:_SHOWN]
        return f"pages of {who!r} may not ask this server: start it with --cors ORIGIN to let them"

    def welcomes(self, origin: str | None) -> bool:
        """Tells whether a page of another site is one that may ask."""
        return origin is not None and ("*" in self.origins or origin.lower() in self.origins)

    def cors(self, headers: Headers) -> dict[str, str]:
        """Returns the headers that let a welcome page read the answer."""
        if not self.origins:
            return {}
        origin = headers.get("origin")
        found = {"Vary": "Origin"}
        if origin is not None and self.welcomes(origin):
            found["Access-Control-Allow-Origin"] = origin
            found["Access-Control-Expose-Headers"] = "Retry-After"
        return found

    def preflight(self, headers: Headers) -> dict[str, str]:
        """Returns what a welcome page may send, for the browser that asks first."""
        found = {
            "Access-Control-Allow-Methods": "GET, HEAD, POST, OPTIONS",
            "Access-Control-Allow-Headers": "Authorization, Content-Type, X-API-Key",
            "Access-Control-Max-Age": "600",
        }
        if headers.get("access-control-request-private-network") == "true":
            found["Access-Control-Allow-Private-Network"] = "true"
        return found

    def has_key(self, headers: Headers) -> bool:
        """Tells whether a request has the key, or none is asked for.

        It compares in constant time, so that an answer's delay does not tell how much was right.
        Headers are bytes: a key beyond ASCII comes as UTF-8 from some and as Latin-1 from others.
        """
        if self.key is None:
            return True
        given = headers.get("x-api-key", "")
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            given = token.strip(" \t")  # other white space may be half a letter
        content = given.encode("latin-1")  # as they came: this is how they were decoded
        wanted = [self.key.encode("utf-8", "surrogateescape")]
        with contextlib.suppress(UnicodeEncodeError):
            wanted.append(self.key.encode("latin-1"))
        return sum(hmac.compare_digest(content, each) for each in wanted) > 0


def host_name(given: str) -> str:
    """Returns the name in a `Host` header: without port, brackets and final dot, in small letters.

    It is empty where that is no name.
    """
    try:
        parts = urlsplit(f"//{given.strip()}")
        name, _ = parts.hostname or "", parts.port
    except ValueError:
        return ""
    whole = parts.path == parts.query == parts.fragment == "" and "@" not in parts.netloc
    return name.rstrip(".") if whole else ""


def origin_name(given: str) -> str:
    """Returns an origin as browsers write it, `https://example.org:8443`; empty if it is none."""
    given = given.strip().lower().rstrip("/")
    if given in ("*", "null"):
        return given
    scheme, slashes, rest = given.partition("://")
    name = host_name(rest)
    if not slashes or not name or not scheme.isalnum():
        return ""
    port = urlsplit(given).port
    name = f"[{name}]" if ":" in name else name
    return f"{scheme}://{name}" + (f":{port}" if port and port != _PORTS.get(scheme) else "")


def is_loopback(host: str) -> bool:
    """Tells whether only programs of this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _same_place(origin: str, host: str) -> bool:
    """Tells whether a page came from where it asks: a proxy may have made http of its https."""
    return any(origin_name(f"{scheme}://{host}") == origin.lower() for scheme in _PORTS)
