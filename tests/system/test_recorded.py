"""The recorded messages of an original page and an original PZP (tests/data/browser), replayed: our
pzpd answers the same requests with the same members (page 11, "What original programs do")."""

import json
import pathlib

import pytest

from pz import daemon, ws

DATA = pathlib.Path(__file__).resolve().parents[1] / "data/browser"
TEST = "http://webinos.org/api/test"
FILES = sorted(path.name for path in DATA.glob("*.jsonl"))


@pytest.fixture(scope="module", name="zone")
def fixture_zone(module_world):
    world = module_world
    world.pzh = world.hub()
    world.a, world.b = world.device("laptop", world.pzh), world.device("tv", world.pzh)
    world.a.calls(world.b)
    world.port = world.a.status()["ports"]["web"]
    rules = world.pzh.pzh("policy", "show").out
    document = world.path / "policy.xml"
    document.write_text(rules.replace('effect="prompt-blanket"', 'effect="permit"', 1))
    assert 'own-apps-register" effect="permit"' in document.read_text()
    world.a.pzp("policy", "set", str(document))
    world.id = world.a.services("--api", TEST)[0]["id"]
    return world


def recorded(name):
    """Messages between page and PZP, in their order: (from the page, message)."""
    for line in (DATA / name).read_text().splitlines():
        entry = json.loads(line)
        if entry["transport"] == "ws":
            yield entry["dir"] == "app->pzpA", entry["msg"]


class Names:
    """Names of the recording as they are here."""

    def __init__(self, zone, app):
        self.pairs = [("alice@localhost/devA", f"{daemon.ZONE}/laptop"), ("alice@localhost/devB", f"{daemon.ZONE}/tv"),
                      ("alice@localhost/devZ", f"{daemon.ZONE}/gone"), ("alice@localhost", daemon.ZONE),
                      ("2edd99ee64c05f62b060433e9ed6954f", zone.id)]
        self.app = app

    def here(self, message):
        text = json.dumps(message)
        for address in {message.get("from"), message.get("to"), message.get("resp_to")} - {None}:
            if "BID" in address:
                text = text.replace(address, self.app.address)
        for theirs, ours in self.pairs:
            text = text.replace(theirs, ours)
        return json.loads(text)


def members(value):
    """The names of the members, on each level that a program reads."""
    if isinstance(value, dict):
        return {name: members(inner) for name, inner in value.items()}
    return [members(value[0])] if isinstance(value, list) and value else None


def has_members(got, wanted, where):
    if isinstance(wanted, dict):
        assert isinstance(got, dict) and set(wanted) <= set(got), f"{where}: {sorted(wanted)} but {got}"
        for name, inner in wanted.items():
            has_members(got[name], inner, f"{where}.{name}")
    elif isinstance(wanted, list):
        assert isinstance(got, list) and got, f"{where}: {got}"
        has_members(got[0], wanted[0], f"{where}[0]")


def is_hub_service(message):
    """Original hubs host services, ours do not; nor do they answer for another zone's strangers."""
    return message["to"] == daemon.ZONE


def test_register(zone):
    """registeredBrowser has every member that the original's has, and both addresses."""
    messages = [message for _, message in recorded(FILES[0])]
    app = ws.App(zone.port, register=False)
    app.send(messages[0])
    got = app.receive()
    wanted = messages[1]
    assert wanted["payload"]["status"] == got["payload"]["status"] == "registeredBrowser"
    shape = members(wanted)
    del shape["payload"]["message"]["connectedDevices"][0]["photoUrl"]  # optional
    has_members(got, shape, "registeredBrowser")
    version = app.receive()
    has_members(version, members(messages[2]), "webinosVersion")
    assert isinstance(version["payload"]["message"], str)


@pytest.mark.parametrize("name", FILES)
def test_replay(zone, name):
    """Each request gets its call-backs and its answer: the same kinds, with the same members."""
    app = ws.App(zone.port).wait_registered()
    names = Names(zone, app)
    answers, count = {}, 0
    everything = list(recorded(name))
    for is_ours, message in everything:
        payload = message["payload"]
        if not is_ours and message["type"] == "JSONRPC":
            id = payload["method"].rpartition(".")[0] if "method" in payload else payload["id"]
            answers.setdefault(id, []).append(message)
    for is_ours, message in everything:
        if not is_ours or message["type"] != "JSONRPC":
            continue
        sent = names.here(message)
        if is_hub_service(sent) or "Configur" in sent["payload"]["method"]:
            continue
        app.send(sent)
        count += check(app, names, sent["payload"], answers.get(message["payload"]["id"], []))
    assert count > 0


def check(app, names, request, wanted):
    """Compares what comes with what was recorded. @return how many messages were compared"""
    callbacks = {names.here(one)["payload"]["method"] for one in wanted if "method" in one["payload"]}
    final = [one for one in wanted if "method" not in one["payload"]]
    if callbacks:
        got = next_of(app, request["id"])
        assert got["payload"]["method"] in callbacks, (got, callbacks)
        shape = members(names.here(next(one for one in wanted if "method" in one["payload"])))
        shape["payload"].pop("id", None)  # the original's call-backs expect an answer that means nothing
        if got["payload"]["method"].endswith("onservicefound"):
            assert set(got["payload"]["params"]) >= {"id", "api", "displayName", "description", "serviceAddress"}
        if not got["payload"]["method"].endswith("onError"):
            has_members(got, shape, request["method"])
        return 1
    got = next_of(app, request["id"])
    assert got["to"] == app.address and got["from"] != got["to"]
    if final and "error" in final[0]["payload"]:
        assert {"code", "message"} <= set(got["payload"]["error"])
    elif final:
        assert got["payload"]["result"] is not None
    return 1


def next_of(app, id):
    """The next message that belongs to a request."""
    while True:
        message = app.receive()
        payload = message["payload"]
        if message["type"] == "JSONRPC" and (payload.get("id") == id or payload.get("method", "").startswith(f"{id}.")):
            assert {"to", "from", "resp_to", "type", "payload"} <= set(message)
            return message
