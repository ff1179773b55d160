"""webinos.peers: a page lists peers, connects, follows changes, and pairs (page 11 "Peers")."""

import os
import pathlib
import subprocess

import pytest

from pz import daemon, ws
from pz.daemon import eventually
from test_webinos_js import Owner, node

WEB = pathlib.Path(__file__).resolve().parents[2] / "web"
PEERS = "http://webinos.org/api/peers"


class Careful(Owner):
    """Lets pages in, but does not let those of nopair.example pair."""

    def verdict(self, question):
        is_pairing = question["what"]["feature"] == PEERS + "/pair"
        return "deny" if is_pairing and "nopair" in question["who"]["origin"] else "allow"


@pytest.mark.skipif(node() is None, reason="no node (18 or later)")
def test_library(world):
    """Two devices of different people pair from JavaScript; a third is of the first one's zone."""
    hub = world.hub()
    laptop, tv, phone = world.device("laptop", hub), world.device("tv", hub), world.device("phone")
    laptop.calls(tv)
    owners = [Careful(laptop), Careful(phone)]
    for owner in owners:
        owner.start()
    result = subprocess.run(
        [node(), "--test", str(WEB / "test/peers.test.mjs")], capture_output=True, text=True, timeout=25,
        env={**os.environ, "PZ_WEB_URL": f"ws://localhost:{laptop.status()['ports']['web']}/",
             "PZ_FRIEND_URL": f"ws://localhost:{phone.status()['ports']['web']}/",
             "PZ_ZONE": daemon.ZONE, "PZ_OTHER": "tv"})
    for owner in owners:
        owner.is_over.set()
        owner.join()
    assert result.returncode == 0, result.stdout + result.stderr


# ---- who may ----

@pytest.fixture(scope="module", name="zone")
def fixture_zone(module_world):
    world = module_world
    hub = world.hub()
    world.a, world.b = world.device("laptop", hub), world.device("tv", hub)
    world.port = world.a.status()["ports"]["web"]
    world.a.calls(world.b)
    with world.a.stream("prompts", "--watch"):
        world.a.ask("prompts")
        yield world


@pytest.fixture(name="app")
def fixture_app(zone):
    zone.a.pzp("policy", "answers", "--all", check=False)
    app = ws.App(zone.port)
    answer(zone.a, "allow", "--remember", "always")
    yield app.wait_registered()
    app.close()


def answer(device, *choice):
    question = eventually(lambda: device.ask("prompts"), what="question")[0]
    device.pzp("prompts", question["id"], *choice)
    return question


def test_listing_is_asked_once_and_pairing_each_time(zone, app):
    id = app.request(app.pzp, "Peers.discover", [])
    assert answer(zone.a, "allow", "--remember", "always")["what"]["feature"] == PEERS
    payload, _ = app.answer(id)
    assert [one["id"] for one in payload["result"]] == [f"{daemon.ZONE}/tv"]
    assert "result" in app.call(app.pzp, "Peers.discover", [])  # not asked again
    for _ in range(2):
        id = app.request(app.pzp, "Peers.pair", [{}])
        assert answer(zone.a, "deny")["what"]["feature"] == PEERS + "/pair"
        payload, _ = app.answer(id)
        assert payload["error"]["data"]["name"] == "SecurityError"
        assert zone.a.status()["pairing"] is None


def test_an_answer_needs_a_window_of_the_same_page(zone, app):
    refused = app.call(app.pzp, "Peers.answer", [{"digits": "123456"}])
    assert refused["error"]["data"]["name"] == "InvalidStateError"
    with zone.a.stream("pair", "--json") as window:  # of a person at the device
        window.line()
        refused = app.call(app.pzp, "Peers.answer", [{}])
        assert refused["error"]["data"]["name"] == "InvalidStateError"
        assert zone.a.status()["pairing"]["state"] == "waiting"


def test_the_device_shows_the_window_of_a_page(zone, app):
    """And closes it when the page goes."""
    app.request(app.pzp, "Peers.pair", [{}])
    answer(zone.a, "allow")
    window = eventually(lambda: zone.a.status()["pairing"], what="window")
    assert window["state"] == "waiting"
    app.close()
    eventually(lambda: zone.a.status()["pairing"] is None, what="end of the window")


def test_others_cannot_reach_the_object(zone, app):
    """It is for apps of this device: not for other devices, not through another device."""
    for to in (f"{daemon.ZONE}/tv", daemon.ZONE):
        payload = app.call(to, "Peers.discover", [])
        assert "error" in payload, payload


def test_a_policy_ends_a_watch(zone, app):
    id = app.request(app.pzp, "Peers.watch", [])
    answer(zone.a, "allow", "--remember", "always")
    _, event = app.asked()
    while event["method"] != f"{id}.onEvent":
        _, event = app.asked()
    assert event["params"]["peer"]["id"] == f"{daemon.ZONE}/tv"
    rule = f"""<policy id="no-peers" combine="first-applicable"><rule effect="deny"><condition>
      <resource-match attr="api-feature" match="{PEERS}"/></condition></rule></policy>"""
    zone.a.ask("policy-set", {"slot": "exceptions", "document": rule})
    try:
        payload, _ = app.answer(id)
        assert "error" in payload
    finally:
        zone.a.ask("policy-set", {"slot": "exceptions", "remove": True})


@pytest.mark.parametrize("function,params", [("connect", []), ("connect", [5]), ("connect", [{}]), ("pair", [{"port": 0}]),
                                             ("pair", [{"host": "a b"}]), ("pair", [{"port": "x"}]), ("nothing", [])])
def test_bad_parameters(zone, app, function, params):
    id = app.request(app.pzp, f"Peers.{function}", params)
    done = []

    def ready():
        for question in zone.a.ask("prompts"):
            zone.a.pzp("prompts", question["id"], "allow", check=False)
        app.sock.settimeout(0.2)
        try:
            done.append(app.answer(id)[0])
        except TimeoutError:
            return False
        return True
    eventually(ready, what="answer")
    assert done[0]["error"]["code"] in (-32602, -32601, -32005, -32004), done
    assert zone.a.status()["pairing"] is None


def test_cancel_is_of_the_caller_alone(zone, app):
    id = app.request(app.pzp, "Peers.watch", [])
    answer(zone.a, "allow", "--remember", "always")
    other = ws.App(zone.port).wait_registered()
    assert other.call(other.pzp, "Peers.cancel", [id])["error"]["data"]["name"] == "NotFoundError"
    app.request(app.pzp, "Peers.cancel", [id])
    payload, _ = app.answer(id)
    assert payload["result"] == {}
    other.close()
