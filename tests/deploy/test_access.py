"""Who may ask: by name, by page and by key."""

from __future__ import annotations

import pytest
from starlette.datastructures import Headers

from headstart.deploy.access import LOOPBACK, Access, host_name, is_loopback, origin_name


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("127.0.0.1", True),
        ("127.8.0.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.0.4", False),
        ("example.org", False),
        ("127.0.0.1.example.org", False),
        ("", False),
    ],
)
def test_who_can_reach_an_address(host, own):
    assert is_loopback(host) == own


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("localhost", "localhost"),
        ("LOCALHOST:8000", "localhost"),
        ("localhost.:80", "localhost"),
        ("[::1]:8000", "::1"),
        ("127.0.0.1:8000", "127.0.0.1"),
        ("evil.example:8000", "evil.example"),
        ("127.0.0.1.evil.example", "127.0.0.1.evil.example"),
        ("", ""),
        ("localhost:x", ""),
        ("localhost:99999", ""),
        ("evil@localhost", ""),
        ("localhost/evil", ""),
        ("localhost?evil", ""),
        ("[::1", ""),
    ],
)
def test_the_name_in_a_host_header(given, name):
    assert host_name(given) == name


@pytest.mark.parametrize(
    ("given", "origin"),
    [
        ("https://Example.org/", "https://example.org"),
        ("https://example.org:443", "https://example.org"),
        ("http://example.org:8080", "http://example.org:8080"),
        ("http://[::1]:80", "http://[::1]"),
        ("null", "null"),
        ("*", "*"),
        ("example.org", ""),
        ("https://example.org/path", ""),
        ("https://", ""),
    ],
)
def test_an_origin_as_browsers_write_it(given, origin):
    assert origin_name(given) == origin


def hosts(name, access=None):
    access = access or Access(hosts=LOOPBACK | {"box.lan"})
    return access.misdirected(Headers({} if name is None else {"host": name}))


@pytest.mark.parametrize("name", ["localhost:1", "127.0.0.1:8377", "[::1]:9", "BOX.lan", None])
def test_its_own_names(name):
    assert hosts(name) == ""


@pytest.mark.parametrize("name", ["evil.example:8377", "", "localhost.evil.example", "a" * 500])
def test_other_names(name):
    assert "--allow-host" in hosts(name)
    assert len(hosts(name)) < 250
    assert hosts(name, Access()) == ""


OWN = {"host": "localhost:8000"}
PAGES = [
    ({}, True),
    ({"origin": "http://localhost:8000"}, True),
    ({"origin": "https://localhost:8000"}, True),
    ({"origin": "http://localhost:3000"}, False),
    ({"origin": "http://evil.example"}, False),
    ({"origin": "null"}, False),
    ({"sec-fetch-site": "none"}, True),
    ({"sec-fetch-site": "same-origin", "origin": "https://behind.a.proxy"}, True),
    ({"sec-fetch-site": "same-site", "origin": "http://localhost:3000"}, False),
    ({"sec-fetch-site": "cross-site"}, False),
    ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, False),
    ({"sec-fetch-site": "cross-site", "origin": "https://mine.example"}, False),
]


@pytest.mark.parametrize(("headers", "right"), PAGES)
def test_pages_of_other_sites(headers, right):
    told = Access().foreign(Headers(OWN | headers), "POST", "/predict")
    assert (told == "") == right
    assert right or "--cors" in told


def test_a_link_to_the_page_may_be_followed():
    link = Headers(OWN | {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"})
    assert Access().foreign(link, "GET", "/") == ""
    assert Access().foreign(link, "GET", "/model")
    assert Access().foreign(link, "POST", "/")


def test_welcome_pages():
    access = Access(origins=frozenset({"https://mine.example"}))
    mine = Headers(OWN | {"origin": "https://mine.example", "sec-fetch-site": "cross-site"})
    assert access.foreign(mine, "POST", "/predict") == ""
    assert access.cors(mine)["Access-Control-Allow-Origin"] == "https://mine.example"
    other = Headers(OWN | {"origin": "https://mine.example.evil"})
    assert access.foreign(other, "POST", "/predict")
    assert access.cors(other) == {"Vary": "Origin"}
    assert Access().cors(mine) == {}
    assert Access(origins=frozenset("*")).foreign(other, "POST", "/predict") == ""
    asked = Headers({"access-control-request-private-network": "true"})
    assert access.preflight(asked)["Access-Control-Allow-Private-Network"] == "true"
    assert "X-API-Key" in access.preflight(mine)["Access-Control-Allow-Headers"]


@pytest.mark.parametrize("key", ["secret", "s3cret-é", "ключ", "à", "s3cret-\udce9"])
@pytest.mark.parametrize("way", ["x-api-key", "authorization"])
def test_a_key_of_any_letters(key, way):
    access = Access(key=key)
    start = b"Bearer " if way == "authorization" else b""
    spelled = [key.encode("utf-8", "surrogateescape")]
    if key in ("s3cret-é", "à"):
        spelled.append(key.encode("latin-1"))
    for each in spelled:
        given = Headers(raw=[(way.encode(), start + each)])
        assert access.has_key(given)
        assert not access.has_key(Headers(raw=[(way.encode(), start + each + b"x")]))
    assert not access.has_key(Headers({}))
    assert Access().has_key(Headers({}))
