"""Messages through a real hub (page 4): routing, receipts, errors to callers, unknown members."""

import json
import time

import pytest

from pz import daemon, foreign, wire

ZONE = daemon.ZONE


@pytest.fixture(scope="module")
def pair(shared_zone):
    return foreign.join(shared_zone.hub, "one"), foreign.join(shared_zone.hub, "two")


@pytest.fixture
def links(shared_zone, pair):
    one, two = pair
    with one.connect("127.0.0.1", shared_zone.hub.port) as a, \
            two.connect("127.0.0.1", shared_zone.hub.port) as b:
        yield a, b


def test_forwarded_bytes_are_the_received_bytes(pair, links):
    """A router never rewrites: order, spaces, escapes, unknown members stay."""
    one, two = pair
    body = (f'{{ "x-unknown" : [1, 2.50, 1e2, "\\u00e4\\/"],\t"payload":{{"a" : "\\u0041"}},'
            f'"to":"{two.address}", "from":"{one.address}" ,"type":"JSONRPC","id":"z\\n1" }}').encode()
    links[0].send_raw(wire.frame(body))
    buffer = bytearray()
    bodies = []
    while not bodies:
        buffer += links[1].stream.recv(65536)
        bodies = [b for b in wire.cut(buffer) if b'"prop"' not in b]
    assert bodies == [body]


def test_order(pair, links):
    one, two = pair
    count = 2000
    links[0].send(*(wire.rpc(one.address, two.address, wire.request("n.n", [n]))
                    for n in range(count)))
    for n in range(count):
        message = links[1].expect(lambda m: m["type"] == "JSONRPC")
        assert message["payload"]["params"] == [n]


@pytest.mark.parametrize("to", [f"{ZONE}/nobody", "eve@example.org/tv", "eve@example.org", "virgin",
                                f"{ZONE}/one/9:9"])
def test_unreachable(pair, links, to):
    """An undeliverable request is answered at once (-32001)."""
    one, _ = pair
    start = time.monotonic()
    answer = one.call(links[0], to)
    error = answer["error"]
    assert error["code"] in (-32001, -32601) if to.startswith(one.address) else error["code"] == -32001
    if error["code"] == -32001:
        assert error["data"]["name"] == "NetworkError" and error["data"]["code"] == 19
        assert error["data"]["message"] and error["data"]["address"] == to
    assert time.monotonic() - start < 2


@pytest.mark.parametrize("payload", [
    {"jsonrpc": "2.0", "method": "n.n", "params": []},
    {"jsonrpc": "2.0", "id": "x", "result": 1},
    {"jsonrpc": "2.0", "id": "x", "error": {"code": 1, "message": "x"}},
], ids=["notification", "result", "error"])
def test_no_answer_to_what_asks_for_none(pair, links, payload):
    one, _ = pair
    links[0].send(wire.rpc(one.address, f"{ZONE}/nobody", payload))
    mark = wire.request("m.m", [])
    links[0].send(wire.rpc(one.address, f"{ZONE}/nobody", mark))
    answer = links[0].expect(lambda m: m["type"] == "JSONRPC")
    assert answer["payload"]["id"] == mark["id"]


def receipt(link, message_id):
    got = link.expect(lambda m: m["type"] == "deliveryNotification" and m.get("id") == message_id)
    return json.dumps(got["payload"])


def test_receipts(pair, links):
    one, _ = pair
    cases = [
        ({"to": f"{ZONE}/tv"}, "ok"),
        ({"to": f"{ZONE}/nobody"}, "badDestination"),
        ({"to": f"{ZONE}/tv", "expires": 1000}, "expired"),
    ]
    for bent, verdict in cases:
        message = wire.rpc(one.address, "", wire.request(foreign.TEST_METHOD, ["x"]),
                           deliveryReceipt=True)
        message.update(bent)
        links[0].send(message)
        assert f'"{verdict}"' in receipt(links[0], message["id"]), verdict


def test_duplicate(pair, links):
    """The same message twice: executed once; the second is told to be a duplicate (page 14, REPL-1)."""
    one, _ = pair
    message = wire.rpc(one.address, f"{ZONE}/tv", wire.request(foreign.TEST_METHOD, ["x"]),
                       deliveryReceipt=True)
    links[0].send(message, message)
    assert '"ok"' in receipt(links[0], message["id"])
    assert '"duplicate"' in receipt(links[0], message["id"])


def test_receipts_never_cause_receipts(pair, links):
    one, _ = pair
    links[0].send({"type": "deliveryNotification", "from": one.address, "to": f"{ZONE}/nobody",
                   "id": "r1", "payload": {"result": "ok"}, "deliveryReceipt": True})
    mark = wire.request("m.m", [])
    links[0].send(wire.rpc(one.address, f"{ZONE}/nobody", mark))
    got = links[0].expect(lambda m: m["type"] != "prop")
    assert got["type"] == "JSONRPC" and got["payload"]["id"] == mark["id"]


def test_unknown_status(shared_zone, pair, links):
    """page 14 ROUT-2."""
    one, _ = pair
    links[0].send(wire.prop(one.address, "noSuchStatus", {"x": 1}, to=ZONE))
    error = links[0].expect_prop("error")
    assert error["code"] == "unknownStatus" and "noSuchStatus" in str(error["about"])
    assert one.call(links[0], f"{ZONE}/tv")["result"] == "42 x"  # the link lives


def test_old_type_names(pair, links):
    """JSONRPC20Request and JSONRPC20Response mean JSONRPC."""
    one, _ = pair
    request = wire.request(foreign.TEST_METHOD, ["old"])
    message = wire.rpc(one.address, f"{ZONE}/tv", request)
    message["type"] = "JSONRPC20Request"
    links[0].send(message)
    assert links[0].expect_answer(request["id"])["result"] == "42 old"


def test_resp_to_an_app(pair, links):
    """Answers go to resp_to."""
    one, _ = pair
    request = wire.request(foreign.TEST_METHOD, ["x"])
    message = wire.rpc(one.address, f"{ZONE}/tv", request)
    message["resp_to"] = f"{one.address}/7f:1"
    links[0].send(message)
    got = links[0].expect(lambda m: wire.is_answer(m, request["id"]))
    assert got["to"] == f"{one.address}/7f:1"


METHODS = {
    "no id of service": (f"{foreign.TEST_API}.get42", -32601),
    "unknown function": (f"{foreign.TEST_METHOD}x", -32601),
    "unknown service": (f"{foreign.TEST_API}@{'0' * 32}.get42", -32601),
    "two @": (f"{foreign.TEST_API}@{foreign.TEST_ID}@{foreign.TEST_ID}.get42", -32601),
    "constructor": (f"{foreign.TEST_API}@{foreign.TEST_ID}.constructor", -32601),
    "unknown built-in": ("ServiceDiscovery.nothing", -32601),
    "too long": ("x" * 600, -32601),
    "control character": (f"{foreign.TEST_METHOD}\n", -32601),
    "empty": ("", -32601),
}


@pytest.mark.parametrize("what", METHODS)
def test_unknown_method(shared_zone, pair, links, what):
    one, _ = pair
    method, code = METHODS[what]
    answer = one.call(links[0], f"{ZONE}/tv", method)
    assert answer["error"]["code"] in (code, -32600), answer


PAYLOADS = {
    "no jsonrpc": {"id": "q", "method": foreign.TEST_METHOD, "params": []},
    "wrong version": {"jsonrpc": "1.0", "id": "q", "method": foreign.TEST_METHOD},
    "method is a number": {"jsonrpc": "2.0", "id": "q", "method": 7},
    "id is an object": {"jsonrpc": "2.0", "id": {}, "method": foreign.TEST_METHOD},
    "params is a number": {"jsonrpc": "2.0", "id": "q", "method": foreign.TEST_METHOD, "params": 7},
    "empty object": {},
    "empty batch": [],
}


@pytest.mark.parametrize("what", PAYLOADS)
def test_invalid_request(shared_zone, pair, links, what):
    """Answered with an error or ignored, and the link and the device live on."""
    one, _ = pair
    links[0].send(wire.rpc(one.address, f"{ZONE}/tv", PAYLOADS[what]))
    assert one.call(links[0], f"{ZONE}/tv")["result"] == "42 x"
    for message in links[0].inbox:
        if message["type"] == "JSONRPC" and not message.get("register"):
            payload = message["payload"]
            assert what == "params is a number" or "error" in payload, payload


def test_batch(pair, links):
    one, _ = pair
    batch = [wire.request(foreign.TEST_METHOD, [n]) for n in ("a", "b")]
    batch.append({"jsonrpc": "2.0", "method": foreign.TEST_METHOD, "params": ["no answer"]})
    batch.append(wire.request("no.such", []))
    links[0].send(wire.rpc(one.address, f"{ZONE}/tv", batch))
    got = {}
    while len(got) < 3:
        message = links[0].expect(lambda m: m["type"] == "JSONRPC")
        answers = message["payload"] if isinstance(message["payload"], list) else [message["payload"]]
        got.update({a["id"]: a for a in answers})
    assert got[batch[0]["id"]]["result"] == "42 a" and got[batch[1]["id"]]["result"] == "42 b"
    assert got[batch[3]["id"]]["error"]["code"] == -32601


def test_update_tells_who_is_there(shared_zone, pair):
    one, two = pair
    with one.dial("127.0.0.1", shared_zone.hub.port) as link:
        link.send(one.register_message())
        update = link.expect_prop("Update")
        assert [h["name"] for h in update["PZH"]] == [ZONE]
        devices = {d["name"]: d for d in update["PZP"]}
        assert devices["tv"]["connected"] is True and devices["two"]["connected"] is False
        assert set(devices["tv"]) >= {"name", "displayName", "deviceType", "connected", "ipaddress",
                                      "port"}
        with two.connect("127.0.0.1", shared_zone.hub.port):
            change = link.expect(lambda m: wire.is_prop(m, "Update") and ("two", True) in [
                (d["name"], d["connected"]) for d in m["payload"]["message"]["PZP"]])
            assert change["payload"]["message"].get("partial") is True


def test_newest_link_of_a_device_wins(shared_zone):
    """Page 14, TLS-12. A device of its own: what a device causes in the log is limited.
    (page 14 TLS-12)
    """
    one = foreign.join(shared_zone.hub, "newest")
    with one.connect("127.0.0.1", shared_zone.hub.port) as first:
        with one.connect("127.0.0.1", shared_zone.hub.port) as second:
            first.until_closed()
            assert one.call(second, f"{ZONE}/tv")["result"] == "42 x"
    shared_zone.hub.wait_log("duplicate.*newest|newest.*duplicate|newest.*replace")


def test_find_services(shared_zone, pair, links):
    one, _ = pair
    links[0].send(wire.prop(one.address, "findServices", {"id": "q1", "api": foreign.TEST_API}, to=ZONE))
    found = links[0].expect_prop("foundServices")
    assert found["id"] == "q1"
    assert {s["serviceAddress"] for s in found["services"]} >= {f"{ZONE}/laptop", f"{ZONE}/tv"}


def test_discovery_on_a_device(pair, links):
    """Page 7, 7: one call-back for each service, then the answer."""
    one, _ = pair
    request = wire.request("ServiceDiscovery.findServices", [{"api": foreign.TEST_API}, {}, {}])
    links[0].send(wire.rpc(one.address, f"{ZONE}/tv", request))
    found = []
    while True:
        message = links[0].expect(lambda m: m["type"] == "JSONRPC")
        if wire.is_answer(message, request["id"]):
            break
        assert message["payload"]["method"] == f"{request['id']}.onservicefound"
        found.append(message["payload"]["params"])
    assert f"{ZONE}/tv" in [s["serviceAddress"] for s in found]
