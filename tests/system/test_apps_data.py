"""The data that apps store, the services that they offer, their messages, and sessions that survive
a reload (page 11)."""

import threading

import pytest

from pz import daemon, disk, ws
from pz.apps import (ORIGIN, TEST, answer, asker, fixture_app, fixture_forget, fixture_person,  # noqa: F401
                     fixture_zone, let_in)
from pz.daemon import eventually

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
