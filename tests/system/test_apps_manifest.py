"""Permissions at installation: the manifest of an app is its policy in the slot of apps (page 9, 7.2; page 14 AC-13)."""

import json

import pytest

from pz import ws
from pz.apps import ORIGIN, TEST, answer, fixture_app, fixture_forget, fixture_person, fixture_zone, let_in  # noqa: F401
from pz.daemon import eventually

STATUS = "http://webinos.org/api/devicestatus"
DISCOVERY = "http://webinos.org/api/discovery"


@pytest.fixture(autouse=True)
def fixture_no_manifests(zone):
    """No app has a manifest in the next test."""
    yield
    for one in zone.a.ask("app-show"):
        zone.a.ask("app-remove", {"origin": one["origin"]})


def manifest(zone, *apis, origin=ORIGIN, **members):
    path = zone.path / "manifest.json"
    path.write_text(json.dumps({"origin": origin, "name": "An app", **members,
                                "features": [{"api": api, "reason": "to try"} for api in apis]}))
    return path


def install(zone, *apis, origin=ORIGIN):
    return zone.a.pzp("app", "install", manifest(zone, *apis, origin=origin), "--yes").out


def service(app, api, device):
    return [one for one in app.find(api) if one["serviceAddress"].endswith(device)][0]


def is_denied(payload):
    """By a policy, or by the person who was asked."""
    return "error" in payload and payload["error"]["code"] in (-32004, -32005)


def test_what_is_not_listed_is_denied(zone, app):
    """Here and at other devices, without a question; what is listed is as before, and so are all others."""
    other = let_in(zone.a, ws.App(zone.port, "https://other.example"))
    found = {device: service(app, TEST, device) for device in ("laptop", "tv")}
    called = {device: (one["serviceAddress"], f"{TEST}@{one['id']}.get42") for device, one in found.items()}
    for to, method in called.values():
        assert "result" in app.call(to, method)
    out = install(zone, DISCOVERY, STATUS)
    assert f"1. {ORIGIN} may ask for {DISCOVERY}: to try" in out and "may ask for nothing else on this device" in out
    for to, method in called.values():
        assert is_denied(app.call(to, method))
        assert "result" in other.call(to, method)
    assert zone.a.ask("prompts") == [] and app.find(TEST) == []
    assert "app" in zone.a.pzp("policy", "why").out
    assert zone.a.pzp("call", "test@laptop", "get42").out
    install(zone, DISCOVERY, TEST)
    for to, method in called.values():
        assert "result" in app.call(to, method)
    zone.a.pzp("app", "remove", ORIGIN)
    one = service(app, STATUS, "laptop")
    assert not is_denied(app.call(one["serviceAddress"], f"{STATUS}@{one['id']}.getComponents", [{"aspect": "Device"}]))


def test_what_is_listed_is_asked_as_before(zone, app):
    rule = f"""<policy id="ask" combine="first-applicable"><rule effect="prompt-oneshot"><condition>
      <resource-match attr="api-feature" match="{TEST}"/><subject-match attr="uri" match="{ORIGIN}"/>
      </condition></rule></policy>"""
    one = service(app, TEST, "laptop")
    method = f"{TEST}@{one['id']}.get42"
    install(zone, TEST)
    zone.a.ask("policy-set", {"slot": "exceptions", "document": rule})
    try:
        for choice in ("allow", "deny"):
            id = app.request(app.pzp, method)
            answer(zone.a, choice)
            assert is_denied(app.answer(id)[0]) == (choice == "deny")
        install(zone, STATUS)
        assert is_denied(app.call(app.pzp, method)) and zone.a.ask("prompts") == []
    finally:
        zone.a.ask("policy-set", {"slot": "exceptions", "remove": True})


@pytest.mark.parametrize("device", ["laptop", "tv"])
def test_what_runs_ends(zone, app, device):
    """A stream of an API that the new manifest does not list; one that it lists goes on."""
    one = service(app, TEST, device)
    id = app.request(one["serviceAddress"], f"{TEST}@{one['id']}.listenAttr.listenFor42", [{"repeat": True}])
    install(zone, TEST)
    while app.asked()[1]["method"] != f"{id}.onEvent":
        pass
    install(zone, STATUS)
    payload, _ = app.answer(id)
    assert is_denied(payload)
    assert app.call(app.pzp, "ServiceDiscovery.ping")["result"] == {}  # it is still an app here
    world = {"laptop": zone.a, "tv": zone.b}[device]
    eventually(lambda: any("function=listenFor42" in line and " end=" in line for line in world.lines),
               what="the end of the stream where it ran")


def test_it_is_of_the_origin(zone, person):
    """Not of a session; it lets no app in that the owner has not let in, and searching is a feature like any other."""
    install(zone, TEST)
    app = let_in(zone.a, ws.App(zone.port))
    again = ws.App(zone.port).wait_registered()
    assert app.zone["enrolled"] is True and again.zone["enrolled"] is True
    assert is_denied(again.call(again.pzp, "ServiceDiscovery.findServices", [{"api": TEST}, None, None]))


def test_a_program(zone, person):
    path = zone.path / "manifested.token"
    zone.a.pzp("app", "token", "manifested", "--file", path)
    token = path.read_text().strip()
    program = ws.App(zone.port, None, fields=(("Authorization", f"Bearer {token}"),)).wait_registered()
    one = service(program, TEST, "laptop")
    install(zone, DISCOVERY, origin="program:manifested")
    assert is_denied(program.call(program.pzp, f"{TEST}@{one['id']}.get42"))
    zone.a.pzp("app", "remove", "program:manifested")
    assert "result" in program.call(program.pzp, f"{TEST}@{one['id']}.get42")


def test_the_owner_inspects_it(zone, app):
    assert "no app has a manifest" in zone.a.pzp("app", "show").out
    listed = {one["origin"]: one["manifest"] for one in zone.a.ask("apps")}
    assert listed == {ORIGIN: False}
    install(zone, TEST)
    shown = zone.a.pzp("app", "show", ORIGIN).out
    assert "An app" in shown and f"1. {ORIGIN} may ask for {TEST}: to try" in shown and "<policy-set" in shown
    one, = zone.a.pzp("app", "show", ORIGIN, "--json").json()
    assert one["origin"] == ORIGIN and one["features"] == [{"api": TEST, "reason": "to try"}]
    assert one["id"] in app.address and one["document"] == zone.a.pzp("policy", "show", "app").out
    assert {one["origin"]: one["manifest"] for one in zone.a.ask("apps")} == {ORIGIN: True}
    assert "MANIFEST" in zone.a.pzp("apps").out
    assert f"{ORIGIN} may ask for {TEST}: to try" in zone.a.pzp("rules").out
    assert "policy-set" in json.loads(zone.a.pzp("call", "PolicyManagement", "getPolicy", "[2]").out)
    zone.a.pzp("app", "remove", ORIGIN)
    assert zone.a.pzp("app", "show", ORIGIN, check=False).code != 0


def test_it_is_confirmed(zone):
    """Without a terminal nothing is installed unless --yes says so."""
    done = zone.a.pzp("app", "install", manifest(zone, TEST), check=False)
    assert done.code == 2 and "--yes" in done.err and "may ask for" in done.out
    assert zone.a.ask("app-show") == []


@pytest.mark.parametrize("text,why", [("{", "no JSON"), ("{}", "origin"), ('{"origin": "https://a.example/", "features": []}', "origin"),
                                      ('{"origin": "https://a.example", "features": [], "effect": "permit"}', "effect"),
                                      ('{"origin": "https://a.example", "features": [{"api": "*"}]}', "features[0].api"),
                                      (" " * (65 << 10), "longer than")])
def test_bad_manifests_are_refused(zone, text, why):
    path = zone.path / "bad.json"
    path.write_text(text)
    done = zone.a.pzp("app", "install", path, "--yes", check=False)
    assert done.code != 0 and why in done.err and len(done.err.strip().splitlines()) == 1
    assert zone.a.ask("app-show") == []


def test_an_app_cannot_do_it(zone, app):
    """Neither by a method of the management, nor by one of the commands."""
    for method, params in (("PolicyManagement.setPolicy", [2, "{}"]), ("app-install", [{"manifest": "{}"}]),
                           ("PolicyManagement.getPolicy", [2])):
        assert "error" in app.call(app.pzp, method, params)
    assert zone.a.ask("app-show") == []


def test_it_survives_a_kill_and_goes_with_the_zone(world):
    one = world.device("one", world.hub())
    path = world.path / "manifest.json"
    path.write_text(json.dumps({"origin": ORIGIN, "features": [{"api": TEST}]}))
    one.pzp("app", "install", path, "--yes")
    shown = one.ask("app-show")
    one.kill()
    one.start()
    assert one.ask("app-show") == shown and len(shown) == 1
    assert one.pzp("policy", "show", "app").out == shown[0]["document"]
    one.pzp("leave", "--yes")
    eventually(lambda: one.ask("app-show") == [], what="end of the manifest")
    assert "there is no such policy" in one.pzp("policy", "show", "app", check=False).err
