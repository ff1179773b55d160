"""Web apps: pages and other programs use the zone through the local web server (page 11 "For
apps")."""

import json
import select
import socket

import pytest

from pz import daemon, ws
from pz.apps import (ORIGIN, TEST, answer, fixture_app, fixture_forget, fixture_person,  # noqa: F401
                     fixture_zone, let_in)
from pz.daemon import eventually

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


def test_a_policy_ends_what_runs_at_another_device(zone, app):
    """Where the call of an app leaves (E1) a change counts for what it has begun, too."""
    tv = [one for one in app.find(TEST) if one["serviceAddress"].endswith("/tv")][0]
    id = app.request(tv["serviceAddress"], f"{TEST}@{tv['id']}.listenAttr.listenFor42", [{"repeat": True}])
    while app.asked()[1]["method"] != f"{id}.onEvent":
        pass
    rule = f"""<policy id="no-test" combine="first-applicable"><rule effect="deny"><condition>
      <resource-match attr="api-feature" match="{TEST}"/><subject-match attr="uri" match="{ORIGIN}"/>
      </condition></rule></policy>"""
    before = len(zone.b.lines)
    zone.a.ask("policy-set", {"slot": "exceptions", "document": rule})
    try:
        assert app.answer(id)[0]["error"]["code"] == -32004
        eventually(lambda: any("function=listenFor42" in line and " end=" in line for line in zone.b.lines[before:]),
                   what="the end of the stream where it ran")
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


def test_tabs_of_one_origin_are_limited(zone, person):
    """page 14 APP-12: of those that were let in none gives way."""
    origin = "https://tabs.example"
    tabs = [let_in(zone.a, ws.App(zone.port, origin))]
    tabs += [ws.App(zone.port, origin).wait_registered() for _ in range(15)]
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
