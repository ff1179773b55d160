"""Web apps: pages and other programs reach the zone by the local web server (page 11 "For apps")."""

import json
import select
import socket
import threading

import pytest

from pz import daemon, disk, ws
from pz.daemon import eventually

ORIGIN = "https://app.example"
TEST = "http://webinos.org/api/test"


@pytest.fixture(scope="module", name="zone")
def fixture_zone(module_world):
    """Hub, laptop with a web port, tv."""
    world = module_world
    world.pzh = world.hub()
    world.a, world.b = world.device("laptop", world.pzh), world.device("tv", world.pzh)
    world.port = world.a.status()["ports"]["web"]
    world.a.calls(world.b)
    return world


@pytest.fixture(autouse=True)
def fixture_forget(request):
    """No app is known to the next test."""
    yield
    if "zone" in request.fixturenames:
        zone = request.getfixturevalue("zone")
        for one in zone.a.ask("apps"):
            zone.a.ask("apps", {"forget": one["origin"]})
        zone.a.pzp("policy", "answers", "--all", check=False)


def answer(device, *choice):
    """Answers the one question that waits. @return it"""
    question = eventually(lambda: device.ask("prompts"), what="question")[0]
    device.pzp("prompts", question["id"], *choice)
    return question


def let_in(device, app, *choice):
    answer(device, *(choice or ("allow", "--remember", "always")))
    return app.wait_registered()


def asker(device):
    """A program that shows questions: without one there is no person to ask. A person who has looked
    is there, too, so that it does not matter which comes first, program or question."""
    device.ask("prompts")
    return device.stream("prompts", "--watch")


@pytest.fixture(scope="module", name="person")
def fixture_person(zone):
    with asker(zone.a) as stream:
        yield stream


# ---- the web server ----

def test_reads(zone):
    status, fields, body = ws.request(zone.port, "/webinosConfig.json")
    assert (status, json.loads(body)) == (200, {"websocketPort": zone.port})
    assert fields["content-type"] == "application/json"
    status, fields, body = ws.request(zone.port, "/?x=1", host=f"127.0.0.1:{zone.port}")
    assert status == 200 and b"Personal Zone" in body
    assert "default-src 'self'" in fields["content-security-policy"]
    assert fields["x-content-type-options"] == "nosniff" and fields["referrer-policy"] == "no-referrer"
    assert "access-control-allow-origin" not in fields
    assert ws.request(zone.port, "/", method="HEAD")[2] == b""
    assert ws.request(zone.port, "/", method="POST")[0] == 405


def test_is_on_loopback_only(zone):
    """page 14 APP-1."""
    for address in ("0.0.0.0", "::"):
        listening = [line for line in open("/proc/net/tcp" + ("6" if ":" in address else "")).readlines()[1:]
                     if line.split()[3] == "0A" and int(line.split()[1].rpartition(":")[2], 16) == zone.port]
        assert len(listening) == 1
        assert listening[0].split()[1].split(":")[0] in ("0100007F", "00000000000000000000000001000000")


@pytest.mark.parametrize("host", ["evil.example", "localhost", "localhost:1", "127.0.0.1.evil.example", "[::2]:80",
                                  "localhost:0PORT", "localhost:PORT.evil.example"])
def test_other_hosts_are_refused(zone, host):
    """page 14 APP-4."""
    assert ws.request(zone.port, host=host.replace("PORT", str(zone.port)))[0] == 421


@pytest.mark.parametrize("target", ["/../etc/passwd", "/%2e%2e/etc/passwd", "/..%2fetc/passwd", "/..\\etc", "//etc/passwd",
                                    "/./webinosConfig.json", "/%77ebinosConfig.json", "/webinosConfig.json/", "/.git"])
def test_paths_lead_nowhere(zone, target):
    """page 14 APP-11."""
    assert ws.request(zone.port, target)[0] == 404


def test_smuggling_is_refused(zone):
    for head in (b"GET / HTTP/1.1\nHost: localhost\n\n",
                 b"GET / HTTP/1.1\r\nHost : localhost:%d\r\n\r\n" % zone.port,
                 b"GET / HTTP/1.1\r\nHost: localhost:%d\r\nX: a\r\n b\r\n\r\n" % zone.port,
                 b"GET / HTTP/1.1\r\nHost: localhost:%d\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n" % zone.port,
                 b"GET / HTTP/1.1\r\nHost: localhost:%d\r\nContent-Length: 1\r\n"
                 b"Transfer-Encoding: chunked\r\n\r\n" % zone.port):
        assert ws.request(zone.port, raw=head)[0] == 400, head


# ---- who may be an app ----

@pytest.mark.parametrize("origin", [None, "null", "program:backup", "file://", "http://shop.example", "https://", "ftp://x", "https://a b",
                                    "https://A.example", "https://a.example/path", "https://a.example:", "x" * 300])
def test_origins_that_prove_nothing_are_refused(zone, origin):
    """page 14 APP-2."""
    with pytest.raises(ws.Refused) as refused:
        ws.Socket(zone.port, origin)
    assert refused.value.status == (403 if origin else 401)
    assert zone.a.ask("prompts") == []


def test_handshakes(zone):
    for fields, target, status in (((("Host", "x"),), "/", 400), ((), "/chat", 404)):
        with pytest.raises(ws.Refused) as refused:
            ws.Socket(zone.port, target=target, fields=fields)
        assert refused.value.status == status
    with pytest.raises(ws.Refused) as refused:
        ws.Socket(zone.port, host="evil.example")
    assert refused.value.status == 421


# ---- consent ----

def test_nothing_before_consent(zone, person):
    """The owner is asked, by the page's origin; the page gets nothing until then.
    (page 14 APP-3 and DSC-4)
    """
    app = ws.App(zone.port)
    question = eventually(lambda: zone.a.ask("prompts"), what="question")[0]
    assert ORIGIN in question["text"] and question["who"]["origin"] == ORIGIN
    assert question["what"]["feature"] == "http://webinos.org/api/apps"
    app.send_frame(ws.PING, b"still nothing")
    assert app.receive_frame() == (ws.PONG, b"still nothing")
    let_in(zone.a, app)
    assert app.zone["pzhId"] == daemon.ZONE and app.zone["enrolled"] is True
    names = {one["friendlyName"] for one in app.zone["connectedDevices"][0]["pzp"]}
    assert names == {"laptop", "tv"}
    assert app.prop("webinosVersion")["to"] == app.address


def test_a_no(zone, person):
    app = ws.App(zone.port)
    answer(zone.a, "deny")
    app.wait_registered()
    assert daemon.ZONE not in json.dumps(app.zone) and "laptop" not in app.pzp + app.address
    id = app.request(app.pzp, "ServiceDiscovery.findServices", [{"api": TEST}])
    payload, callbacks = app.answer(id)
    assert payload["error"]["data"]["name"] == "SecurityError"
    assert [one["method"] for one in callbacks] == [f"{id}.onSecurityError"]


def test_the_answer_is_remembered(zone, person):
    first = let_in(zone.a, ws.App(zone.port))
    again = ws.App(zone.port).wait_registered()
    assert first.address != again.address
    listed = {one["origin"]: one for one in zone.a.ask("apps")}[ORIGIN]
    assert listed["kind"] == "https" and listed["answers"][0]["remember"] == "always"
    assert zone.a.ask("apps", {"forget": ORIGIN})["closed"] >= 1
    with pytest.raises(ws.Closed) as closed:
        again.prop("never")
    assert closed.value.code == 1008
    third = ws.App(zone.port)
    answer(zone.a, "deny")
    assert third.wait_registered().zone["enrolled"] is False


def test_an_answer_that_is_taken_back_ends_what_runs(zone, person):
    """The session of the page, and a stream that an answer let run; nothing else."""
    app = let_in(zone.a, ws.App(zone.port))
    other = let_in(zone.a, ws.App(zone.port, "https://other.example"))
    rule = """<policy id="ask" combine="first-applicable"><rule effect="prompt-blanket"><condition>
      <resource-match attr="api-feature" match="http://webinos.org/api/test"/>
      <subject-match attr="uri" match="https://other.example"/></condition></rule></policy>"""
    zone.a.ask("policy-set", {"slot": "exceptions", "document": rule})
    try:
        service = [one for one in other.find(TEST) if one["serviceAddress"] == other.pzp][0]
        id = other.request(other.pzp, f"{TEST}@{service['id']}.listenAttr.listenFor42", [{"repeat": True}])
        answer(zone.a, "allow", "--remember", "always")
        while other.asked()[1]["method"] != f"{id}.onEvent":
            pass
        listed = zone.a.pzp("policy", "answers", "--json").json()
        of_stream, = [one["id"] for one in listed if one["feature"] == TEST]
        of_app, = [one["id"] for one in listed if one["app"] in app.address]
        zone.a.pzp("policy", "answers", "--delete", of_stream)
        payload, _ = other.answer(id)
        assert payload["error"]["code"] == -32004
        assert app.call(app.pzp, "ServiceDiscovery.ping")["result"] == {}
        zone.a.pzp("policy", "answers", "--delete", of_app)
        with pytest.raises(ws.Closed) as closed:
            app.prop("never")
        assert closed.value.code == 1008 and "taken" in closed.value.reason
        assert other.call(other.pzp, "ServiceDiscovery.ping")["result"] == {}
        again = ws.App(zone.port)
        answer(zone.a, "deny")
        assert again.wait_registered().zone["enrolled"] is False
        zone.a.pzp("policy", "answers", "--all")
        with pytest.raises(ws.Closed):
            other.prop("never")
    finally:
        zone.a.ask("policy-set", {"slot": "exceptions", "remove": True})


def test_a_policy_cuts_off(zone, person):
    app = let_in(zone.a, ws.App(zone.port))
    rule = """<policy id="no-apps" combine="first-applicable"><rule effect="deny"><condition>
      <resource-match attr="api-feature" match="http://webinos.org/api/apps"/>
      <subject-match attr="uri" match="https://app.example"/></condition></rule></policy>"""
    zone.a.ask("policy-set", {"slot": "exceptions", "document": rule})
    try:
        with pytest.raises(ws.Closed) as closed:
            app.prop("never")
        assert closed.value.code == 1008
        assert ws.App(zone.port).wait_registered().zone["enrolled"] is False
        other = ws.App(zone.port, "https://other.example")
        let_in(zone.a, other)
        assert other.zone["enrolled"] is True
    finally:
        zone.a.ask("policy-set", {"slot": "exceptions", "remove": True})


def test_a_policy_from_before_says_what_to_do(zone, person):
    """It has no rule about apps: each is denied, and the log says how to be asked."""
    rules = zone.pzh.pzh("policy", "show").out
    begin = rules.index('<rule id="own-apps-register"')
    end = rules.index("</rule>", begin) + len("</rule>")
    document = zone.path / "before.xml"
    document.write_text(rules[:begin] + rules[end:])
    zone.a.pzp("policy", "set", document)
    try:
        before = len(zone.a.lines)
        assert ws.App(zone.port, "https://before.example").wait_registered().zone["enrolled"] is False
        eventually(lambda: any("app-denied" in line and "pzp policy edit" in line for line in zone.a.lines[before:]),
                   what="line in the log")
        assert "own-apps-rest" in zone.a.pzp("policy", "why").out
    finally:
        document.write_text(rules)
        zone.a.pzp("policy", "set", document)
    app = ws.App(zone.port, "https://before.example")
    assert let_in(zone.a, app).zone["enrolled"] is True


def test_page_that_goes_withdraws_its_question(zone, person):
    app = ws.App(zone.port)
    eventually(lambda: zone.a.ask("prompts"), what="question")
    app.close()
    eventually(lambda: zone.a.ask("prompts") == [], what="end of the question")


def test_many_pages_ask(zone, person):
    """No more questions wait than a person can read; the others are denied without one."""
    pages = [ws.App(zone.port, f"https://{number}.example") for number in range(12)]
    waiting = eventually(lambda: (lambda all: all if len(all) == 8 else None)(zone.a.ask("prompts")), what="8 questions")

    def answered():
        ready = select.select([one.sock for one in pages], [], [], 0)[0]
        return [page for page in pages if page.sock in ready]

    eventually(lambda: len(answered()) == 4, what="4 answers")
    for page in answered():
        assert page.wait_registered().zone["enrolled"] is False
    for question in waiting:
        zone.a.pzp("prompts", question["id"], "deny")


# ---- services ----

@pytest.fixture(name="app")
def fixture_app(zone, person):
    app = let_in(zone.a, ws.App(zone.port))
    yield app
    app.close()


def test_finds_and_calls(zone, app):
    found = app.find(TEST)
    assert {one["serviceAddress"] for one in found} == {f"{daemon.ZONE}/laptop", f"{daemon.ZONE}/tv"}
    for one in found:
        payload = app.call(one["serviceAddress"], f"{TEST}@{one['id']}.get42", ["hé世"])
        assert payload["result"] == "42 hé世"


def test_short_rules_name_an_app(zone, app):
    """The same origin on every device: the TV, which does not know the page, refuses it too."""
    tv = next(one for one in app.find(TEST) if one["serviceAddress"].endswith("/tv"))

    def outcome():
        return app.call(tv["serviceAddress"], f"{TEST}@{tv['id']}.get42", ["x"])

    said = zone.a.pzp("deny", ORIGIN, "test@tv").out
    assert said == f"The app {ORIGIN} may not use {TEST} on tv.\n"
    eventually(lambda: "error" in outcome(), what="the rule to count")
    assert zone.a.pzp("call", "test@tv", "get42", '["x"]').out == "42 x\n"
    zone.a.pzp("allow", ORIGIN, "test@tv")
    eventually(lambda: outcome().get("result") == "42 x", what="the newer rule to count")
    wrong = zone.a.pzp("allow", "https://APP.example/", "test@tv", check=False)
    assert wrong.code == 2 and "pzp apps" in wrong.reason()


def test_finds_nothing(app):
    id = app.request(app.pzp, "ServiceDiscovery.findServices", [{"api": "http://webinos.org/api/none"}])
    _, callbacks = app.answer(id)
    assert [one["method"] for one in callbacks] == [f"{id}.onError"]


def test_follows_a_stream(app):
    for one in app.find(TEST):
        id = app.request(one["serviceAddress"], f"{TEST}@{one['id']}.listenAttr.listenFor42", ["x"])
        while True:
            message = app.receive()
            if message["payload"].get("method") == f"{id}.onEvent":
                break
        assert message["from"] == one["serviceAddress"] and message["to"] == app.address


def test_a_page_that_goes_ends_its_streams_elsewhere(zone, app):
    """page 14 APP-13."""
    service = [one for one in app.find(TEST) if one["serviceAddress"].endswith("/tv")][0]
    id = app.request(service["serviceAddress"], f"{TEST}@{service['id']}.listenAttr.listenFor42", [{"repeat": True}])
    assert app.asked()[1]["method"] == f"{id}.onEvent"
    before = len(zone.b.lines)
    app.close()
    eventually(lambda: any('function=listenFor42' in line and 'end="given up"' in line for line in zone.b.lines[before:]),
               what="end of the stream")


def test_second_register(app):
    app.send({"type": "prop", "from": app.address, "to": app.pzp, "resp_to": app.address,
              "payload": {"status": "registerBrowser"}})
    assert app.prop("registeredBrowser")["to"] == app.address


def test_unreachable(app):
    payload = app.call(f"{daemon.ZONE}/gone", f"{TEST}@{'0' * 32}.get42", [])
    assert payload["error"]["code"] == -32001


def test_two_tabs_have_addresses_of_their_own(zone, app):
    """page 14 APP-6."""
    other = ws.App(zone.port).wait_registered()
    assert other.address != app.address
    assert other.address.rpartition(":")[0] == app.address.rpartition(":")[0]
    assert other.address != ws.App(zone.port).wait_registered().address


def test_a_forged_sender_is_dropped(zone, app):
    other = ws.App(zone.port).wait_registered()
    for name in (other.address, app.pzp, daemon.ZONE, f"{daemon.ZONE}/tv"):
        app.send({"type": "JSONRPC", "from": name, "to": app.pzp,
                  "payload": {"jsonrpc": "2.0", "id": "f", "method": "ServiceDiscovery.ping"}})
    assert app.call(app.pzp, "ServiceDiscovery.ping")["result"] == {}
    assert other.call(other.pzp, "ServiceDiscovery.ping")["result"] == {}


@pytest.mark.parametrize("status", ["bye", "revoked", "Update", "pzpInfo", "registerServices", "Sync_Data", "leave",
                                    "policyEdit", "hubMoved", "prompt", "promptAnswer", "setPzhProviderAddress"])
def test_props_that_manage_are_dropped(app, status):
    """page 14 APP-7 and ENR-8."""
    for to in (app.pzp, daemon.ZONE, f"{daemon.ZONE}/tv", None):
        message = {"type": "prop", "from": app.address, "payload": {"status": status, "message": {}}}
        app.send(message if to is None else {**message, "to": to})
    assert app.call(app.pzp, "ServiceDiscovery.ping")["result"] == {}


def test_management_is_refused(app):
    payload = app.call(app.pzp, "PolicyManagement.getPolicy", [])
    assert payload["error"]["code"] in (-32004, -32601)


def test_what_is_no_message_ends_the_session(zone, app):
    for payload in (b"", b"[]", b"{", b'{"type":"prop","type":"prop"}', b"\"x\""):
        one = ws.App(zone.port).wait_registered()
        one.send_frame(ws.TEXT, payload)
        with pytest.raises(ws.Closed) as closed:
            one.prop("never")
        assert closed.value.code == 1008
    assert app.call(app.pzp, "ServiceDiscovery.ping")["result"] == {}


def test_binary_is_refused(app):
    app.send_frame(ws.BINARY, b"x")
    with pytest.raises(ws.Closed) as closed:
        app.prop("never")
    assert closed.value.code == 1003


def test_a_flood_ends_the_session(app):
    for number in range(300):
        app.request(app.pzp, "ServiceDiscovery.ping", [], id=f"flood-{number}")
    errors = []
    with pytest.raises(ws.Closed) as closed:
        while True:
            payload = app.receive()["payload"]
            if "error" in payload:
                errors.append(payload["error"]["data"]["name"])
    assert errors == ["QuotaExceededError"] and closed.value.code == 1008


def test_tabs_of_one_origin_are_limited(zone):
    """page 14 APP-12."""
    origin = "https://tabs.example"
    tabs = [ws.App(zone.port, origin, register=False) for _ in range(16)]
    with pytest.raises(ws.Refused) as refused:
        ws.App(zone.port, origin)
    assert refused.value.status == 503
    tabs[0].close()
    eventually(lambda: accepts(zone.port, origin), what="room for a tab")


def accepts(port, origin=ORIGIN):
    try:
        ws.App(port, origin, register=False).close()
    except (ws.Refused, ConnectionError):  # also one that is not answered at all
        return False
    return True


def test_silent_connections_leave_room(zone, app):
    """Those that send nothing: as many as a browser never has."""
    idle = [socket.create_connection(("127.0.0.1", zone.port)) for _ in range(200)]
    assert app.call(app.pzp, "ServiceDiscovery.ping")["result"] == {}
    for one in idle:
        one.close()
    eventually(lambda: accepts(zone.port), what="room for visitors")


def test_apps_hear_of_changes(zone, app):
    """Also what waits for the device that goes."""
    service = [one for one in app.find(TEST) if one["serviceAddress"].endswith("/tv")][0]
    id = app.request(service["serviceAddress"], f"{TEST}@{service['id']}.listenAttr.listenFor42", [{"repeat": True}])
    assert app.asked()[1]["method"] == f"{id}.onEvent"
    zone.b.pzp("disconnect")
    try:
        payload, _ = app.answer(id)
        assert payload["error"]["code"] == -32001

        def is_away():
            message = app.prop("update")
            assert (message["to"], message["from"]) == (app.address, app.pzp)
            devices = message["payload"]["message"]["connectedDevices"][0]["pzp"]
            return not {one["friendlyName"]: one for one in devices}["tv"]["isConnected"]
        while not is_away():
            pass
    finally:
        zone.b.pzp("connect")
        zone.b.wait_state("connected")


def test_library_is_served(zone):
    status, fields, body = ws.request(zone.port, "/webinos.js")
    assert status == 200 and b"webinos" in body and fields["content-type"].startswith("text/javascript")
    assert fields["cross-origin-resource-policy"] == "cross-origin"
    assert ws.request(zone.port, "/webinos.mjs")[0] == 200


# ---- page 11 "What apps store" ----

def test_stores_its_own_keys(zone, person, app):
    """Values of any kind, by the origin that the browser sends; kept, shown, and deleted with the app."""
    other = let_in(zone.a, ws.App(zone.port, "https://other.example"))
    assert app.call(app.pzp, "AppStorage.get", ["color"])["result"] == {}
    for key, value in (("color", "blau"), ("size", {"w": 1, "h": [None, True]}), ("nothing", None)):
        assert app.call(app.pzp, "AppStorage.set", [key, value])["result"] == {}
        assert app.call(app.pzp, "AppStorage.get", [key])["result"] == {"value": value}
        assert other.call(other.pzp, "AppStorage.get", [key])["result"] == {}
    assert app.call(app.pzp, "AppStorage.keys", [])["result"] == {"keys": ["color", "nothing", "size"]}
    assert app.call(app.pzp, "AppStorage.keys", ["s"])["result"] == {"keys": ["size"]}
    assert app.call(app.pzp, "AppStorage.keys", ["", "color"])["result"] == {"keys": ["nothing", "size"]}
    assert other.call(other.pzp, "AppStorage.clear", [])["result"] == {"removed": 0}
    assert app.call(app.pzp, "AppStorage.remove", ["color"])["result"] == {"removed": 1}
    assert app.call(app.pzp, "AppStorage.remove", ["color"])["result"] == {"removed": 0}
    listed = {one["origin"]: one for one in zone.a.ask("apps")}
    assert listed[ORIGIN]["storage"]["keys"] == 2 and listed["https://other.example"]["storage"]["keys"] == 0
    assert zone.a.ask("apps", {"forget": ORIGIN})["removed"] == 2
    again = let_in(zone.a, ws.App(zone.port))
    assert again.call(again.pzp, "AppStorage.keys", [])["result"] == {"keys": []}


@pytest.mark.parametrize("params", [[], None, [5, 1], ["", 1], ["a\nb", 1], ["k"], {"0": "k"}])
def test_bad_changes_are_refused(app, params):
    assert app.call(app.pzp, "AppStorage.set", params)["error"]["code"] == -32602


@pytest.mark.parametrize("key", ["https://other.example k", "../k", "other.example/k", "%20k", " k"])
def test_no_key_leads_to_another_origin(zone, person, app, key):
    other = let_in(zone.a, ws.App(zone.port, "https://other.example"))
    other.call(other.pzp, "AppStorage.set", ["k", "secret"])
    assert app.call(app.pzp, "AppStorage.get", [key])["result"] == {}
    app.call(app.pzp, "AppStorage.set", [key, "forged"])
    assert other.call(other.pzp, "AppStorage.get", ["k"])["result"] == {"value": "secret"}
    assert app.call(app.pzp, "AppStorage.clear")["result"]["removed"] == 1
    assert other.call(other.pzp, "AppStorage.keys")["result"] == {"keys": ["k"]}


def test_what_an_app_stores_is_bounded(app):
    for number in range(5):
        assert app.call(app.pzp, "AppStorage.set", [f"k{number}", "x" * 1000000])["result"] == {}
    error = app.call(app.pzp, "AppStorage.set", ["more", "x" * 1000000])["error"]
    assert error["data"]["name"] == "QuotaExceededError" and "bytes" in error["data"]["message"], error
    assert app.call(app.pzp, "AppStorage.get", ["more"])["result"] == {}
    assert app.call(app.pzp, "AppStorage.set", ["k0", "small"])["result"] == {}
    assert app.call(app.pzp, "AppStorage.set", ["k" * 300, 1])["error"]["data"]["name"] == "QuotaExceededError"


def test_changes_of_what_is_stored_are_sent(zone, person, app):
    """To each page of the origin that wants it, whoever has made the change."""
    other = let_in(zone.a, ws.App(zone.port, "https://other.example"))
    tab = ws.App(zone.port).wait_registered()
    for one in (other, tab):
        assert one.call(one.pzp, "AppStorage.watch")["result"] == {}
    app.call(app.pzp, "AppStorage.set", ["k", 1])
    assert tab.asked() == (tab.pzp, {"jsonrpc": "2.0", "method": "AppStorage.changed", "params": {"key": "k"}})
    zone.a.pzp("data", "set", ORIGIN, "by-owner", "2")
    assert tab.asked()[1]["params"] == {"key": "by-owner"}
    zone.b.pzp("data", "set", ORIGIN, "elsewhere", "3")
    assert tab.asked()[1]["params"] == {"key": "elsewhere"}
    assert tab.call(tab.pzp, "AppStorage.get", ["elsewhere"])["result"] == {"value": 3}
    tab.call(tab.pzp, "AppStorage.remove", ["k"])
    _, before = other.answer(other.request(other.pzp, "AppStorage.set", ["mine", 1]))
    assert [one["params"] for one in before] == [{"key": "mine"}]


def keys_of(device, origin):
    return [one for one in device.ask("data-list")["origins"] if one["origin"] == origin]


def test_cleared_with_the_session_where_so_preferred(world):
    """The last page of the origin takes what the origin stored with it; so does a crash."""
    one = world.device("one")
    one.pzp("prefs", "app.clear-on-disconnect", "true", "--now")
    port = one.status()["ports"]["web"]
    with asker(one):
        app, other = let_in(one, ws.App(port)), let_in(one, ws.App(port, "https://other.example"))
        tab = ws.App(port).wait_registered()
        for page in (app, other):
            page.call(page.pzp, "AppStorage.set", ["k", 1])
        app.close()
        assert tab.call(tab.pzp, "AppStorage.get", ["k"])["result"] == {"value": 1}
        tab.close()
        eventually(lambda: not keys_of(one, ORIGIN), what="end of what the page stored")
        assert other.call(other.pzp, "AppStorage.get", ["k"])["result"] == {"value": 1}
        one.kill()
        one.start()
        assert not keys_of(one, "https://other.example")


def test_a_full_disk_refuses(world, small_disk):
    """And says so; what was stored stays."""
    one = world.device("one", data_dir=small_disk / "one")
    with asker(one):
        app = let_in(one, ws.App(one.status()["ports"]["web"]))
        assert app.call(app.pzp, "AppStorage.set", ["k", "before"])["result"] == {}
        hog = disk.fill(small_disk)
        error = app.call(app.pzp, "AppStorage.set", ["k", "x" * 100000])["error"]
        assert error["data"]["name"] == "QuotaExceededError" and "full" in error["data"]["message"], error
        assert app.call(app.pzp, "AppStorage.get", ["k"])["result"] == {"value": "before"}
        hog.unlink()
        assert app.call(app.pzp, "AppStorage.set", ["k", "after"])["result"] == {}


# ---- services of apps ----

COUNTER = {"api": "http://example.org/counter", "displayName": "Counter", "methods": ["add"]}


def test_provides_a_service(zone, app):
    """The owner's devices may call it; it ends with the socket."""
    service = app.call(app.pzp, "ServiceRegistry.register", [COUNTER])["result"]
    assert service["description"] == f"({ORIGIN})" and service["serviceAddress"] == app.pzp

    def serve():
        sender, request = app.asked()
        assert request["method"] == f"{COUNTER['api']}@{service['id']}.add" and request["params"] == [1, 2]
        assert request["caller"] == f"{daemon.ZONE}/tv"
        app.rpc(sender, {"jsonrpc": "2.0", "id": request["id"], "result": 3})

    server = threading.Thread(target=serve)
    server.start()
    eventually(lambda: zone.b.services("--api", COUNTER["api"]), what="service")
    assert zone.b.call("counter@laptop", "add", "[1,2]").json() == {"result": 3}
    server.join()
    app.close()
    eventually(lambda: not zone.b.services("--api", COUNTER["api"]), what="end of the service")


def test_provider_that_goes_ends_its_calls(zone, app):
    app.call(app.pzp, "ServiceRegistry.register", [COUNTER])
    results = []
    caller = threading.Thread(target=lambda: results.append(zone.a.call("counter@laptop", "add", "[]", check=False)))
    caller.start()
    app.asked()  # and does not answer
    app.close()
    caller.join()
    assert results[0].code == 1, repr(results[0])


@pytest.mark.parametrize("change", [{"api": None}, {"api": "a b"}, {"displayName": 5}, {"displayName": "x" * 200},
                                    {"methods": []}, {"methods": ["a-b"]}, {"methods": ["1a"]}, {"methods": "add"},
                                    {"methods": ["removeEventListener"]}, {"methods": ["a"] * 65}, {"methods": [{}]},
                                    {"description": "x" * 600}])
def test_bad_services_are_refused(app, change):
    payload = app.call(app.pzp, "ServiceRegistry.register", [{**COUNTER, **change}])
    assert payload["error"]["code"] == -32602, payload


def test_services_of_an_app_are_limited(zone, app):
    for number in range(16):
        assert "result" in app.call(app.pzp, "ServiceRegistry.register", [{**COUNTER, "displayName": str(number)}])
    payload = app.call(app.pzp, "ServiceRegistry.register", [COUNTER])
    assert payload["error"]["data"]["name"] == "QuotaExceededError"
    taken = app.call(app.pzp, "ServiceRegistry.unregister", [{"api": COUNTER["api"], "id": "0" * 32}])
    assert taken["error"]["data"]["name"] == "NotFoundError"


def test_no_app_speaks_for_another(zone, app):
    """An app answers calls of its own service only. (page 14 AC-9)"""
    service = app.call(app.pzp, "ServiceRegistry.register", [COUNTER])["result"]
    other = let_in(zone.a, ws.App(zone.port, "https://other.example"))
    assert other.call(other.pzp, "ServiceRegistry.unregister", [service])["error"]["data"]["name"] == "NotFoundError"
    results = []
    caller = threading.Thread(target=lambda: results.append(zone.a.call("counter@laptop", "add", "[]").json()))
    caller.start()
    sender, request = app.asked()
    other.rpc(sender, {"jsonrpc": "2.0", "id": request["id"], "result": "forged"})
    assert other.call(other.pzp, "ServiceDiscovery.ping")["result"] == {}
    app.rpc(sender, {"jsonrpc": "2.0", "id": request["id"], "result": "right"})
    caller.join()
    assert results == [{"result": "right"}]


# ---- page 7, 6.1: call-backs that are answered ----

def provide(app, *methods):
    return app.call(app.pzp, "ServiceRegistry.register", [{**COUNTER, "methods": list(methods)}])["result"]


@pytest.fixture(name="friendly", scope="module")
def fixture_friendly(zone):
    """Apps may call the counter."""
    rule = """<policy id="counter" combine="first-applicable"><rule effect="permit"><condition>
      <resource-match attr="api-feature" match="http://example.org/counter"/></condition></rule></policy>"""
    base = zone.pzh.pzh("policy", "show").out
    document = zone.path / "policy.xml"
    document.write_text(base.replace('<rule id="own-apps-rest"', rule.split("combine=\"first-applicable\">")[1]
                                     .removesuffix("</policy>") + '<rule id="own-apps-rest"', 1))
    zone.a.pzp("policy", "set", str(document))
    zone.b.calls(zone.a)
    yield
    document.write_text(base)
    zone.a.pzp("policy", "set", str(document))


@pytest.fixture(name="caller")
def fixture_caller(zone, friendly):
    """A page on the other device."""
    with asker(zone.b):
        caller = let_in(zone.b, ws.App(zone.b.status()["ports"]["web"], "https://caller.example"))
        yield caller
        caller.close()
        zone.b.ask("apps", {"forget": "https://caller.example"})


def test_a_service_asks_its_caller(zone, app, caller):
    """The answer of the page that called, on another device, reaches the page that asked, and counts."""
    service = provide(app, "choose")
    assert eventually(lambda: caller.find(COUNTER["api"]), what="service")[0]["id"] == service["id"]
    id = caller.request(app.pzp, f"{COUNTER['api']}@{service['id']}.choose", ["tea", "milk"])
    sender, request = app.asked()
    for choice, error in (("tea", None), (None, {"code": -31000, "message": "x", "data": {"name": "AbortError"}})):
        asked = app.request(sender, f"{request['id']}.which", {"of": 2})
        frm, question = caller.asked()
        assert frm == app.pzp and question["method"] == f"{id}.which" and question["params"] == {"of": 2}
        answer = {"jsonrpc": "2.0", "id": question["id"], **({"error": error} if error else {"result": choice})}
        caller.rpc(frm, answer)
        caller.rpc(frm, {**answer, "error": None, "result": "twice"} if not error else answer)
        payload, _ = app.answer(asked)
        assert payload.get("result") == choice and payload.get("error") == error
    app.rpc(sender, {"jsonrpc": "2.0", "id": request["id"], "result": "done"})
    assert caller.answer(id)[0]["result"] == "done"


def test_only_the_caller_answers(zone, app, caller):
    """Another page that knows the id of the question cannot answer it."""
    service = provide(app, "choose")
    eventually(lambda: caller.find(COUNTER["api"]), what="service")
    id = caller.request(app.pzp, f"{COUNTER['api']}@{service['id']}.choose", [])
    sender, request = app.asked()
    asked = app.request(sender, f"{request['id']}.which")
    question = caller.asked()[1]
    for other in (ws.App(zone.port).wait_registered(), app):
        other.rpc(other.pzp, {"jsonrpc": "2.0", "id": question["id"], "result": "forged"})
        if other is not app:
            assert other.call(other.pzp, "ServiceDiscovery.ping")["result"] == {}
    caller.rpc(app.pzp, {"jsonrpc": "2.0", "id": question["id"], "result": "right"})
    assert app.answer(asked)[0]["result"] == "right"
    app.rpc(sender, {"jsonrpc": "2.0", "id": request["id"], "result": 1})
    assert caller.answer(id)[0]["result"] == 1


def test_questions_end_with_the_call_and_are_bounded(zone, app, caller):
    service = provide(app, "choose")
    eventually(lambda: caller.find(COUNTER["api"]), what="service")
    caller.request(app.pzp, f"{COUNTER['api']}@{service['id']}.choose", [])
    sender, request = app.asked()
    asked = [app.request(sender, f"{request['id']}.which") for _ in range(17)]
    payload, _ = app.answer(asked[-1])
    assert payload["error"]["data"]["name"] == "QuotaExceededError"
    caller.asked()
    caller.close()
    waiting = set(asked[:-1])
    while waiting:  # those that the end of the caller overtakes come back on their own
        payload = app.receive()["payload"]
        if "error" in payload:
            assert payload["error"]["data"]["name"] in ("AbortError", "NetworkError")
            waiting.remove(payload["id"])


def test_a_program_that_calls_answers_nothing(zone, app):
    """`pzp call --stream` receives the question; the service gets {} and does not wait for ever."""
    service = provide(app, "choose")
    eventually(lambda: zone.b.services("--api", COUNTER["api"]), what="service")
    stream = zone.b.stream("call", "counter@laptop", "choose", "[]", "--stream")
    with stream:
        sender, request = app.asked()
        payload, _ = app.answer(app.request(sender, f"{request['id']}.which", ["x"]))
        assert payload["result"] == {}


# ---- page 11 "Messages between apps" ----

APP2APP = "http://webinos.org/api/app2app"


def inbox(app, name="chat"):
    return app.call(app.pzp, "ServiceRegistry.register", [{"api": APP2APP, "displayName": name, "methods": ["message"]}])["result"]


def send(app, to, service, message):
    return app.request(to, f"{APP2APP}@{service['id']}.message", [message])


def test_pages_of_one_origin_talk_without_a_question(zone, person, app):
    """Also two tabs, and on two devices; the sender is the one that the device has verified."""
    tab = ws.App(zone.port).wait_registered()
    for one, other in ((app, tab), (tab, app)):
        service = inbox(other)
        assert service["description"] == f"({ORIGIN}) {other.address.rpartition('/')[2]}"
        id = send(one, other.pzp, service, {"hello": "wörld"})
        sender, request = other.asked()
        assert request["params"] == [{"hello": "wörld"}] and request["caller"] == one.address
        other.rpc(sender, {"jsonrpc": "2.0", "id": request["id"], "result": "hi"})
        assert one.answer(id)[0]["result"] == "hi"
    with asker(zone.b):
        far = let_in(zone.b, ws.App(zone.b.status()["ports"]["web"]))
        service = [found for found in eventually(lambda: far.find(APP2APP), what="pages")
                   if found["description"].endswith(app.address.rpartition("/")[2])][0]
        id = send(far, app.pzp, service, 1)
        sender, request = app.asked()
        assert request["caller"] == far.address
        app.rpc(sender, {"jsonrpc": "2.0", "id": request["id"], "result": 2})
        assert far.answer(id)[0]["result"] == 2
        assert zone.a.ask("prompts") == [] and zone.b.ask("prompts") == []
        far.close()
        zone.b.ask("apps", {"forget": ORIGIN})


def test_the_owner_is_asked_about_pages_of_other_origins(zone, person, app):
    service = inbox(app)
    other = let_in(zone.a, ws.App(zone.port, "https://other.example"))
    id = send(other, app.pzp, service, "hello")
    question = answer(zone.a, "deny")
    assert question["what"]["feature"] == APP2APP and question["who"]["origin"] == "https://other.example"
    assert other.answer(id)[0]["error"]["code"] == -32005
    id = send(other, app.pzp, service, "hello")
    answer(zone.a, "allow")
    sender, request = app.asked()
    assert request["caller"] == other.address
    app.rpc(sender, {"jsonrpc": "2.0", "id": request["id"], "result": {}})
    assert other.answer(id)[0]["result"] == {}


def test_no_app_reaches_another_directly(zone, person, app):
    """Neither requests nor answers nor call-backs: there is no way around the policy."""
    other = let_in(zone.a, ws.App(zone.port, "https://other.example"))
    assert other.call(app.address, f"{APP2APP}@{'0' * 32}.message", [1])["error"]["code"] == -32004
    assert other.call(app.address, "anything.at_all", [1])["error"]["code"] == -32004
    other.rpc(app.address, {"jsonrpc": "2.0", "method": "x.onEvent", "params": 1})
    other.rpc(app.address, {"jsonrpc": "2.0", "id": "x", "result": 1})
    other.send({"type": "delivery-notification", "from": other.address, "to": app.address, "payload": {}})
    assert other.call(other.pzp, "ServiceDiscovery.ping")["result"] == {}
    payload, before = app.answer(app.request(app.pzp, "ServiceDiscovery.ping"))
    assert payload["result"] == {} and before == []


def test_messages_between_apps_are_bounded(zone, person, app):
    tab = ws.App(zone.port).wait_registered()
    service = inbox(tab)
    payload = app.answer(send(app, tab.pzp, service, "x" * 70000))[0]
    assert payload["error"]["data"]["name"] == "DataError"
    id = send(app, tab.pzp, service, "x" * 60000)
    assert tab.asked()[1]["params"] == ["x" * 60000]
    tab.close()
    assert "error" in app.answer(id)[0]


# ---- page 11 "A session over a reload" ----

def page(zone, session, origin=ORIGIN):
    """A page that registers so, and is let in by an answer of before."""
    app = ws.App(zone.port, origin, register=False)
    app.register(session)
    return app.wait_registered()


@pytest.fixture(name="first")
def fixture_first(zone, person):
    let_in(zone.a, ws.App(zone.port)).close()
    first = page(zone, {})
    yield first
    first.close()


def test_only_who_asks_gets_a_secret(zone, person, first):
    assert len(first.zone["session"]["secret"]) == 64 and first.zone["session"]["resumed"] is False
    assert "session" not in page(zone, None).zone
    assert page(zone, {}).zone["session"]["secret"] != first.zone["session"]["secret"]


def test_a_page_that_reloads_goes_on(zone, first):
    """Address, services, call-backs, and what came meanwhile; what it does not know any more ends."""
    service = first.call(first.pzp, "ServiceRegistry.register", [COUNTER])["result"]
    remote, local = ([one for one in first.find(TEST) if one["serviceAddress"].endswith(name)][0] for name in ("/tv", "/laptop"))
    known, unknown, here = (first.request(one["serviceAddress"], f"{TEST}@{one['id']}.listenAttr.listenFor42", [{"repeat": True}])
                            for one in (remote, remote, local))
    eventually(lambda: zone.b.services("--api", COUNTER["api"]), what="service")
    lines, own_lines = len(zone.b.lines), len(zone.a.lines)
    first.sock.close()
    results = []
    caller = threading.Thread(target=lambda: results.append(zone.b.call("counter@laptop", "add", "[1]").json()))
    caller.start()
    again = page(zone, {"secret": first.zone["session"]["secret"], "keep": [known]})
    assert again.address == first.address and again.zone["session"]["resumed"] is True
    assert again.zone["session"]["kept"] == [known]
    assert again.zone["session"]["secret"] != first.zone["session"]["secret"]
    again.prop("webinosVersion")
    seen, answered = set(), False
    while not (answered and known in seen):
        message = again.receive()
        method = message["payload"].get("method", "")
        seen.add(method.partition(".")[0])
        if method.endswith(".add"):
            assert again.call(again.pzp, "ServiceRegistry.register", [COUNTER])["result"]["id"] == service["id"]
            again.rpc(message["from"], {"jsonrpc": "2.0", "id": message["payload"]["id"], "result": 7})
            answered = True
    caller.join()
    assert results == [{"result": 7}]
    eventually(lambda: len([line for line in zone.b.lines[lines:] if "listenFor42" in line and 'end="given up"' in line]) == 1,
               what="end of the stream that the page does not know")
    eventually(lambda: any("listenFor42" in line and 'end="given up"' in line for line in zone.a.lines[own_lines:]),
               what="end of the stream on this device")
    again.close()


def test_a_wrong_or_stolen_secret_gets_nothing(zone, person, first):
    """Also from another origin, twice, or after the end; the owner of the session keeps it."""
    secret = first.zone["session"]["secret"]
    let_in(zone.a, ws.App(zone.port, "https://other.example")).close()
    for origin, claim in (("https://other.example", secret), (ORIGIN, "0" * 64), (ORIGIN, secret[:-1]), (ORIGIN, 5), (ORIGIN, [secret]),
                          (ORIGIN, ""), (ORIGIN, secret.upper() if secret.upper() != secret else "x" * 64)):
        other = page(zone, {"secret": claim}, origin)
        assert other.address != first.address and other.zone["session"]["resumed"] is False, claim
    assert first.call(first.pzp, "ServiceDiscovery.ping")["result"] == {}
    again = page(zone, {"secret": secret})
    assert again.zone["session"]["resumed"] is True
    with pytest.raises(ws.Closed) as closed:  # the former socket is replaced
        first.prop("never")
    assert closed.value.code == 1000
    assert page(zone, {"secret": secret}).zone["session"]["resumed"] is False  # a secret counts once
    assert again.call(again.pzp, "ServiceDiscovery.ping")["result"] == {}
    again.send_frame(ws.CLOSE, b"\x03\xe8")  # the page says that it is done
    with pytest.raises(ws.Closed):
        again.prop("never")
    assert page(zone, {"secret": again.zone["session"]["secret"]}).zone["session"]["resumed"] is False


def test_a_session_without_a_page_ends_by_itself(zone, first):
    """Its services go, and the secret counts no more."""
    first.call(first.pzp, "ServiceRegistry.register", [COUNTER])
    eventually(lambda: zone.b.services("--api", COUNTER["api"]), what="service")
    first.sock.close()
    eventually(lambda: not zone.b.services("--api", COUNTER["api"]), what="end of the service")
    assert page(zone, {"secret": first.zone["session"]["secret"]}).zone["session"]["resumed"] is False


def test_services_that_are_not_registered_again_end(zone, first):
    other = {**COUNTER, "displayName": "Other"}
    kept = first.call(first.pzp, "ServiceRegistry.register", [COUNTER])["result"]
    first.call(first.pzp, "ServiceRegistry.register", [other])
    first.sock.close()
    again = page(zone, {"secret": first.zone["session"]["secret"]})
    assert again.call(again.pzp, "ServiceRegistry.register", [COUNTER])["result"] == kept
    eventually(lambda: [one["id"] for one in again.find(COUNTER["api"])] == [kept["id"]], what="end of the other service")
    again.close()


def test_the_page_that_went_answers_nothing(zone, first):
    """A call that it was working on ends; a page that still knows it answers it at another socket."""
    service = first.call(first.pzp, "ServiceRegistry.register", [COUNTER])["result"]
    results = []
    callers = [threading.Thread(target=lambda: results.append(zone.a.call("counter@laptop", "add", "[]", check=False))) for _ in range(2)]
    for caller in callers:
        caller.start()
    asked = [first.asked()[1]["id"] for _ in callers]
    first.sock.close()
    again = page(zone, {"secret": first.zone["session"]["secret"], "keep": asked[:1]})
    again.rpc(again.pzp, {"jsonrpc": "2.0", "id": asked[0], "result": 1})
    for caller in callers:
        caller.join()
    assert sorted(one.code for one in results) == [0, 1]
    assert service["id"] == again.call(again.pzp, "ServiceRegistry.register", [COUNTER])["result"]["id"]
    again.close()


def test_a_session_that_waits_is_cut_off_too(zone, first):
    secret = first.zone["session"]["secret"]
    first.sock.close()
    zone.a.ask("apps", {"forget": ORIGIN})
    app = ws.App(zone.port, register=False)
    app.register({"secret": secret})
    answer(zone.a, "deny")
    assert app.wait_registered().zone["enrolled"] is False


def test_what_waits_for_a_page_is_bounded(zone, first):
    """More than fits ends the session instead of losing a part of it."""
    service, tab = inbox(first), page(zone, None)
    secret = first.zone["session"]["secret"]
    first.sock.close()
    waiting = {send(tab, tab.pzp, service, "x" * 60000) for _ in range(5)}
    while waiting:
        payload = tab.receive()["payload"]
        if "error" in payload:
            waiting.remove(payload["id"])
    assert page(zone, {"secret": secret}).zone["session"]["resumed"] is False


def test_sessions_that_wait_leave_room_for_tabs(zone, first):
    """Sixteen tabs reload, again and again."""
    for _ in range(3):
        tabs = [page(zone, {}) for _ in range(15)]
        for tab in tabs:
            tab.sock.close()
    assert page(zone, {}).zone["enrolled"] is True


# ---- the port, and another zone ----

def test_port_is_a_preference(world):
    one = world.device("one")
    old = one.status()["ports"]["web"]
    taken = socket.create_server(("127.0.0.1", 0))
    one.pzp("prefs", "ports.web", taken.getsockname()[1], "--now")
    status = eventually(lambda: (lambda s: s if s["conditions"] else None)(one.status()), what="condition")
    assert [row["id"] for row in status["conditions"]] == ["no-web-port"] and status["ports"]["web"] is None
    with pytest.raises(ConnectionRefusedError):
        ws.request(old)
    one.pzp("prefs", "ports.web", old, "--now")
    eventually(lambda: one.status()["ports"]["web"] == old, what="the former port")
    assert ws.request(old)[0] == 200 and one.status()["conditions"] == []


def test_virgin_device(world):
    one = world.device("one")
    one.ask("prompts")  # a person looks
    app = ws.App(one.status()["ports"]["web"], "http://localhost:3000")
    let_in(one, app)
    assert app.pzp == "one" and app.zone["enrolled"] is False and "pzhId" not in app.zone
    assert [found["serviceAddress"] for found in app.find(TEST)] == ["one"]
    hub = world.hub()
    one.join(hub)
    with pytest.raises(ws.Closed) as closed:  # what was allowed by the device says nothing about the zone
        app.prop("never")
    assert closed.value.code == 1001
