"""Floods and malformed input at the local web port (page 11; page 14 APP-12): other clients are
still served."""

import json
import select
import socket

import pytest

from pz import ws
from pz.daemon import eventually

PEERS = "http://webinos.org/api/peers"


@pytest.fixture(scope="module", name="zone")
def fixture_zone(module_world):
    world = module_world
    world.a = world.device("laptop", world.hub())
    world.port = world.a.status()["ports"]["web"]
    world.token = world.a.pzp("app", "token", "honest").out.strip()
    with world.a.stream("prompts", "--watch"):
        world.a.ask("prompts")
        yield world


@pytest.fixture(name="honest")
def fixture_honest(zone):
    """A program that is served whatever the others do."""
    app = with_token(zone)
    yield app
    assert app.call(app.pzp, "ServiceDiscovery.ping")["result"] == {}
    app.close()


@pytest.fixture(autouse=True)
def fixture_forget(zone):
    yield
    zone.a.pzp("policy", "answers", "--all", check=False)
    for one in zone.a.ask("apps"):
        if one["kind"] != "program":
            zone.a.ask("apps", {"forget": one["origin"]})


def with_token(zone, **kwargs):
    return ws.App(zone.port, None, fields=(("Authorization", f"Bearer {zone.token}"),), **kwargs).wait_registered()


def accepts(zone):
    try:
        with_token(zone).close()
    except (ws.Refused, ws.Closed, ConnectionError):
        return False
    return True


def closed_with(app, code):
    with pytest.raises(ws.Closed) as closed:
        app.prop("never")
    assert closed.value.code == code


# ---- connections ----

def test_a_thousand_idle_sockets(zone, honest):
    """The oldest give way to those that come, so that a program finds room while the others stay."""
    idle = [socket.create_connection(("127.0.0.1", zone.port)) for _ in range(1000)]
    assert honest.call(honest.pzp, "ServiceDiscovery.ping")["result"] == {}

    def closed():
        poll = select.poll()
        for one in idle:
            poll.register(one, select.POLLIN)
        return len(poll.poll(0))
    eventually(lambda: closed() >= 1000 - 128, what="end of those over the limit")
    for _ in range(20):
        assert accepts(zone)
    for one in idle:
        one.close()


@pytest.mark.parametrize("origins", [1, 4, 80])
def test_pages_that_stay_without_a_word(zone, honest, origins):
    """Sockets that never register, of one page or of many: a program and another page find room, and so
    does another tab of such a page."""
    silent = [ws.Socket(zone.port, f"https://s{number % origins}.example") for number in range(160)]
    assert accepts(zone)
    ws.Socket(zone.port, "https://s0.example").close()
    page = let_in(zone, f"https://page{origins}.example")
    assert page.zone["enrolled"] is True
    page.close()
    for one in silent:
        one.close()
    assert honest.call(honest.pzp, "ServiceDiscovery.ping")["result"] == {}


def test_heads_that_never_end(zone, honest):
    """A byte at a time, on as many connections as there may be: sessions that are open go on."""
    slow = [socket.create_connection(("127.0.0.1", zone.port)) for _ in range(128)]
    for byte in b"GET / HTTP/1.1\r\nHost: loc":
        for one in slow:
            try:
                one.send(bytes([byte]))
            except ConnectionError:
                pass
    assert honest.call(honest.pzp, "ServiceDiscovery.ping")["result"] == {}
    for one in slow:
        one.close()
    eventually(lambda: accepts(zone), what="room for a program")


@pytest.mark.parametrize("fields", [[("X", "y")] * 100, [("X", "y" * 20000)], [("x" * 20000, "y")], [("Cookie", "a=b;" * 5000)]])
def test_floods_of_fields(zone, honest, fields):
    assert ws.request(zone.port, fields=fields)[0] == 431


def test_a_line_without_an_end(zone, honest):
    with socket.create_connection(("127.0.0.1", zone.port), timeout=10) as one:
        one.sendall(b"GET /" + b"a" * (16 << 10))
        assert one.recv(64).startswith(b"HTTP/1.1 431 ")


# ---- frames ----

def test_a_flood_of_tiny_fragments(zone, honest):
    """A message in a hundred thousand fragments is one message; others are answered meanwhile."""
    app = with_token(zone)
    text = json.dumps({"type": "JSONRPC", "from": app.address, "to": app.pzp,
                       "payload": {"jsonrpc": "2.0", "id": "tiny", "method": "ServiceDiscovery.ping", "params": ["x" * 100000]}})
    frames = [app.frame(ws.TEXT if at == 0 else 0, text[at:at + 1].encode(), fin=at == len(text) - 1) for at in range(len(text))]
    half = len(frames) // 2
    app.sock.sendall(b"".join(frames[:half]))
    assert honest.call(honest.pzp, "ServiceDiscovery.ping")["result"] == {}
    app.sock.sendall(b"".join(frames[half:]))
    assert app.answer("tiny")[0]["result"] == {}


def test_fragments_without_content_and_without_end(zone, honest):
    app = with_token(zone)
    app.send_frame(ws.TEXT, b"", fin=False)
    for _ in range(20):
        app.sock.sendall(app.frame(0, b"", fin=False) * 5000)
    assert honest.call(honest.pzp, "ServiceDiscovery.ping")["result"] == {}
    app.send_frame(ws.PING, b"here")
    answers = [app.receive_frame()]
    while answers[-1][0] == ws.TEXT:  # the zone, when it came in
        answers.append(app.receive_frame())
    assert answers[-1] == (ws.PONG, b"here")
    app.close()


def test_a_message_without_end(zone, honest):
    app = with_token(zone)
    app.send_frame(ws.TEXT, b"[", fin=False)
    code = None
    while code is None:
        try:
            app.sock.sendall(app.frame(0, b" " * 65536, fin=False))
            if select.select([app.sock], [], [], 0)[0]:
                opcode, payload = app.receive_frame()
                code = int.from_bytes(payload[:2], "big") if opcode == ws.CLOSE else None
        except ConnectionError:
            code = 1009
    assert code == 1009


def test_a_flood_of_pings(zone, honest):
    """Their answers fill no memory: a visitor that does not read is not read."""
    app = with_token(zone)
    app.sock.setblocking(False)
    pings, sent = app.frame(ws.PING, b"x" * 125) * 1000, 0
    while sent < 64 << 20:
        try:
            sent += app.sock.send(pings)
        except BlockingIOError:
            break
    assert sent < 64 << 20
    assert honest.call(honest.pzp, "ServiceDiscovery.ping")["result"] == {}
    app.close()


@pytest.mark.parametrize("frame", [{"mask": False}, {"rsv": 4}, {"rsv": 2}, {"rsv": 1}])
def test_wrong_masks_and_compression_that_was_not_negotiated(zone, honest, frame):
    app = with_token(zone)
    app.send_frame(ws.TEXT, b"{}", **frame)
    closed_with(app, 1002)


def test_no_extension_is_negotiated(zone, honest):
    app = ws.Socket(zone.port, None, fields=(("Authorization", f"Bearer {zone.token}"),
                                             ("Sec-WebSocket-Extensions", "permessage-deflate")))
    app.send_frame(ws.TEXT, b"\x02\xff\x00", rsv=4)
    with pytest.raises(ws.Closed) as closed:
        app.receive()
    assert closed.value.code == 1002


# ---- questions ----

def let_in(zone, origin):
    app = ws.App(zone.port, origin)
    question = eventually(lambda: [one for one in zone.a.ask("prompts") if one["who"]["origin"] == origin], what="question")[0]
    zone.a.pzp("prompts", question["id"], "allow", "--remember", "always")
    return app.wait_registered()


def test_a_page_that_asks_a_thousand_questions(zone, honest):
    """Its socket is closed for the flood, with it its questions; the next page is asked about."""
    app = let_in(zone, "https://nag.example")
    for number in range(1000):
        try:
            app.request(app.pzp, "Peers.pair", [{"port": number + 1}])
        except ConnectionError:
            break
    closed = None
    while closed is None:
        try:
            app.receive()
        except ws.Closed as end:
            closed = end.code
        except ConnectionError:
            closed = 1006
    assert closed in (1006, 1008)
    app.close()
    eventually(lambda: not [one for one in zone.a.ask("prompts") if one["who"]["origin"] == "https://nag.example"],
               what="end of its questions")
    assert let_in(zone, "https://other.example").zone["enrolled"] is True


def test_a_page_below_the_limit_does_not_keep_others_from_being_asked_about(zone, honest):
    app = let_in(zone, "https://nag.example")
    for number in range(100):
        app.request(app.pzp, "Peers.pair", [{"port": number + 1}])
    eventually(lambda: zone.a.ask("prompts"), what="question")
    assert len(zone.a.ask("prompts")) <= 8
    assert let_in(zone, "https://other.example").zone["enrolled"] is True
    app.close()


# ---- identities ----

def test_an_app_that_claims_another_address_or_origin(zone, honest):
    """What a page says of itself counts nowhere: address, origin, caller."""
    app = let_in(zone, "https://honest.example")
    page = let_in(zone, "https://claims.example")
    page.send({"type": "prop", "from": app.address, "to": page.pzp, "resp_to": app.address,
               "payload": {"status": "registerBrowser", "value": "/", "origin": "https://honest.example"}})
    assert page.prop("registeredBrowser")["to"] == page.address != app.address
    page.send({"type": "JSONRPC", "from": page.address, "to": page.pzp, "resp_to": app.address,
               "payload": {"jsonrpc": "2.0", "id": "stolen", "method": "AppStorage.keys", "params": []}})
    page.send({"type": "JSONRPC", "from": honest.address, "to": page.pzp,
               "payload": {"jsonrpc": "2.0", "id": "forged", "method": "ServiceDiscovery.ping"}})
    for one in (app, honest):  # nothing came for them
        assert one.call(one.pzp, "ServiceDiscovery.ping")["result"] == {}
    assert {one["origin"]: one["sessions"] for one in zone.a.ask("apps")}["https://honest.example"] == 1
