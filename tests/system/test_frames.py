"""Frames (page 4): what ends a link, with one line in the log, and what does not."""

import contextlib
import json
import ssl
import struct

import pytest

from pz import daemon, fakehub, foreign, wire

ZONE = daemon.ZONE
TV = f"{ZONE}/tv"


@pytest.fixture(scope="module")
def me(shared_zone):
    return foreign.join(shared_zone.hub, "mallory")


@pytest.fixture(scope="module")
def victim(shared_zone):
    return foreign.join(shared_zone.hub, "victim")


@pytest.fixture
def link(shared_zone, me):
    with me.connect("127.0.0.1", shared_zone.hub.port) as link:
        yield link


def good(me, params=("x",)):
    return wire.rpc(me.address, TV, wire.request(foreign.TEST_METHOD, list(params)))


def nested(me, depth):
    """A message whose JSON is `depth` levels deep: the object itself is one, payload the next."""
    inner = "[" * (depth - 1) + "]" * (depth - 1)
    return f'{{"type":"prop","from":"{me.address}","to":"{ZONE}","payload":{inner}}}'.encode()


def header(length):
    return struct.pack("<I", length)


BAD = {
    "empty": lambda me: header(0),
    "over the limit": lambda me: header((1 << 20) + 1) + b"{",
    "as long as can be": lambda me: b"\xff\xff\xff\xff{",
    "reserved bit": lambda me: header(0x80000002) + b"{}",
    "not UTF-8": lambda me: wire.frame(json.dumps(good(me)).encode().replace(b'"x"', b'"\xff"')),
    "overlong UTF-8": lambda me: wire.frame(json.dumps(good(me)).encode().replace(b'"x"', b'"\xc0\xaf"')),
    "UTF-8 of a surrogate": lambda me: wire.frame(
        json.dumps(good(me)).encode().replace(b'"x"', b'"\xed\xa0\x80"')),
    "not JSON": lambda me: wire.frame(b"hello"),
    "half JSON": lambda me: wire.frame(json.dumps(good(me)).encode()[:-1]),
    "more than JSON": lambda me: wire.frame(json.dumps(good(me)).encode() + b"{}"),
    "an array": lambda me: wire.frame(b"[" + json.dumps(good(me)).encode() + b"]"),
    "a string": lambda me: wire.frame(b'"x"'),
    "a number": lambda me: wire.frame(b"42"),
    "binary": lambda me: wire.frame(bytes(range(256))),
    "a NUL": lambda me: wire.frame(json.dumps(good(me)).encode().replace(b'"x"', b'"\0"')),
    "nested too deep": lambda me: wire.frame(nested(me, 66)),
    "nested much too deep": lambda me: wire.frame(b"[" * 500000),
    "duplicate from": lambda me: wire.frame(
        b'{"from":"' + TV.encode() + b'",' + json.dumps(good(me)).encode()[1:]),
    "duplicate payload": lambda me: wire.frame(
        json.dumps(good(me)).encode()[:-1] + b',"payload":{}}'),
    "duplicate by escape": lambda me: wire.frame(
        json.dumps(good(me)).encode()[:-1] + b',"fro\\u006d":"' + TV.encode() + b'"}'),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_frame_closes_the_link(shared_zone, what):
    device = "bad-" + what.replace(" ", "-").lower()
    me = foreign.join(shared_zone.hub, device)  # one device causes twenty lines a second at most
    with me.connect("127.0.0.1", shared_zone.hub.port) as link:
        lines = len(shared_zone.hub.lines)
        try:
            link.send_raw(BAD[what](me))
        except OSError:
            pass
        messages = link.until_closed()
    assert all(m["type"] == "prop" for m in messages), messages
    shared_zone.hub.wait_log(f"device-gone device={me.address} ", start=lines)  # the reason
    shared_zone.serves()


@pytest.mark.parametrize("what", BAD)
def test_bad_frame_before_register(shared_zone, me, what):
    with me.dial("127.0.0.1", shared_zone.hub.port) as link:
        try:
            link.send_raw(BAD[what](me))
        except OSError:
            pass
        assert not any(wire.is_prop(m, "Update") for m in link.until_closed())


def test_others_hear_nothing_of_it(shared_zone, me, link):
    """A bad frame right behind a good one: the good one counts, the other end of it goes on."""
    request = good(me)
    link.send_raw(wire.frame(request) + wire.frame(b"garbage"))
    link.until_closed()
    shared_zone.serves()


def test_depth_64_is_fine(shared_zone, me, link):
    """page 14 PRS-3."""
    request = good(me)
    body = json.dumps(request).encode().replace(b'"x"', b"[" * 60 + b"]" * 60)
    link.send_raw(wire.frame(body))  # message, payload, params: 63 levels
    answer = link.expect_answer(request["payload"]["id"])
    assert "result" in answer or answer["error"]["code"] == -32602


def test_cut_in_every_place(shared_zone, me, link):
    """Two pieces, cut behind each byte; each piece is a TLS record of its own."""
    size = len(wire.frame(good(me)))
    for at in range(1, size):
        request = good(me)
        data = wire.frame(request)
        link.send_raw(data[:at])
        link.send_raw(data[at:])
        assert link.expect_answer(request["payload"]["id"])["result"] == "42 x"


def test_byte_by_byte(shared_zone, me, link):
    request = good(me)
    for byte in wire.frame(request):
        link.send_raw(bytes([byte]))
    assert link.expect_answer(request["payload"]["id"])["result"] == "42 x"


def test_thousands_in_one_write(shared_zone, me, link):
    count = 5000
    requests = [good(me, [str(n)]) for n in range(count)]
    link.stream.settimeout(60)
    link.send(*requests)
    left = {r["payload"]["id"]: r["payload"]["params"][0] for r in requests}
    while left:
        message = link.receive(30)
        payload = message["payload"]
        if message["type"] != "JSONRPC":
            continue
        # page 7, 6.2: a host may turn away a flood; each request is answered once in any case
        expected = left.pop(payload["id"])
        assert payload.get("result") == f"42 {expected}" or "error" in payload, payload
    shared_zone.serves()


def test_as_long_as_allowed(shared_zone, me, link):
    """A frame of exactly limits.frame passes the hub and the device."""
    request = good(me)
    pad = (1 << 20) - len(json.dumps(request, separators=(",", ":")))
    request["payload"]["params"][0] += "y" * pad
    data = wire.frame(request)
    assert len(data) == (1 << 20) + 4
    link.send_raw(data)
    answer = link.expect_answer(request["payload"]["id"])
    assert "error" in answer or answer["result"].startswith("42 xyyy")
    shared_zone.serves()


def test_limit_is_a_setting(make_zone):
    zone = make_zone("--limits-frame", "64KiB")
    me = foreign.join(zone.hub, "mallory")
    with me.connect("127.0.0.1", zone.hub.port) as link:
        try:
            link.send_raw(wire.frame(b" " * (64 * 1024) + b"{}"))
        except OSError:
            pass
        link.until_closed()
    zone.serves()


def test_connection_lost_in_the_middle(shared_zone, me):
    """The beginning of a frame, then nothing: no message comes of it."""
    data = wire.frame(good(me))
    for at in (1, 3, 4, 5, len(data) - 1):
        with me.connect("127.0.0.1", shared_zone.hub.port) as link:
            link.send_raw(data[:at])
            with contextlib.suppress(ssl.SSLError):  # what the hub says meanwhile is no matter
                link.stream.unwrap() if at % 2 else link.stream.shutdown(2)
    shared_zone.serves()


MALFORMED = {
    "no type": lambda m: m.pop("type"),
    "unknown type": lambda m: m.update(type="telegram"),
    "type is a number": lambda m: m.update(type=1),
    "no from": lambda m: m.pop("from"),
    "from is an object": lambda m: m.update({"from": {}}),
    "no to": lambda m: m.pop("to"),
    "to is no address": lambda m: m.update(to="//"),
    "to with three slashes": lambda m: m.update(to=f"{TV}/app/more"),
    "to is a number": lambda m: m.update(to=7),
    "id is an object": lambda m: m.update(id={}),
    "expires is a string": lambda m: m.update(expires="soon"),
    "expired": lambda m: m.update(expires=1),
    "payload is a string": lambda m: m.update(payload="x"),
    "no payload": lambda m: m.pop("payload"),
    "register again": lambda m: m.update(register=True),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_malformed_message_is_not_delivered(shared_zone, me, victim, what):
    """Whether it closes the link or not: it reaches nobody, and others are served on.
    (page 14 PRS-1)
    """
    with victim.connect("127.0.0.1", shared_zone.hub.port) as heard, \
            me.connect("127.0.0.1", shared_zone.hub.port) as link:
        message = wire.rpc(me.address, victim.address, wire.request("bad.bad", []))
        MALFORMED[what](message)
        link.send(message)
        with me.connect("127.0.0.1", shared_zone.hub.port) as second:
            mark = wire.rpc(me.address, victim.address, wire.request("mark.mark", []))
            second.send(mark)
            got = heard.expect(lambda m: m["type"] == "JSONRPC" and not m.get("register"))
            if what not in ("payload is a string", "no payload", "register again"):
                assert got["payload"]["method"] == "mark.mark", got
    shared_zone.serves()


# ---- the same, towards a device ----

@pytest.mark.parametrize("what", ["empty", "over the limit", "not UTF-8", "not JSON", "an array",
                                  "nested too deep", "duplicate from", "half JSON"])
def test_device_closes_the_link_too(fake, what):
    hub, device = fake
    device.pzp("connect", check=False)
    address, link = hub.next_link()
    hub_as_sender = foreign.Identity.__new__(foreign.Identity)
    hub_as_sender.address = ZONE
    lines = len(device.lines)
    link.send_raw(BAD[what](hub_as_sender).replace(TV.encode(), address.encode()))
    link.until_closed()
    device.wait_status(lambda s: s["state"] != "connected" or s["hub"]["since"], what="alive")
    device.wait_log("hub|link|state", start=lines)
    assert device.call("test", "get42", '["local"]').json() == {"result": "42 local"}


@pytest.fixture(scope="module")
def fake(module_world):
    """Our device, enrolled at a hub in Python."""
    device = module_world.device("lamp")
    hub = fakehub.FakeHub(ZONE)
    module_world.on_close(hub.close)
    device.pzp("enrol", hub.link, "--device", "lamp")
    return hub, device
