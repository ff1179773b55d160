"""A friend's hub under an attacker's control: even with its real keys it can only do what its zone
was allowed."""

import contextlib
import json
import socket
import sqlite3
import ssl

import pytest

from pz import certs, daemon, foreign, wire
from pz.daemon import eventually
from test_friends import ALICE, BOB, CAROL
from test_friends_calls import Family, befriend, friends_of, is_connected, share

METHOD = f"{foreign.TEST_API}@{foreign.TEST_ID}.get42"


def impostor(bob, alice):
    """A link to Alice's hub with the keys of Bob's hub, which is stopped."""
    bob.hub.stop()
    with contextlib.closing(sqlite3.connect(bob.hub.data_dir / "pzhd.db")) as db:
        (text,) = db.execute("SELECT value FROM item WHERE space = 'zone' AND key = ?",
                             (BOB,)).fetchone()
    record = json.loads(text)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["pz/1"])
    (key,) = bob.hub.data_dir.rglob(record["tlsKey"].split("/")[-1].split(":")[-1])
    (bob.hub.data_dir / "shown.pem").write_text(key.read_text() + record["tls"])
    context.load_cert_chain(bob.hub.data_dir / "shown.pem")
    sock = socket.create_connection(("127.0.0.1", alice.hub.port), 20)
    link = wire.Link(context.wrap_socket(sock, server_hostname=foreign.sni(ALICE, "127.0.0.1")))
    link.send({"type": "JSONRPC", "register": True, "from": BOB, "to": ALICE, "payload": None})
    assert link.receive()["from"] == ALICE
    link.send(wire.prop(BOB, "friendOpen", None, ALICE))
    link.expect_prop("Update")
    return link


@pytest.fixture
def attack(world):
    """Alice's house, and a link to its hub with the keys of Bob's."""
    alice, bob = Family(world, ALICE, "alice", "tv"), Family(world, BOB, "bob")
    befriend(alice, bob)
    eventually(lambda: is_connected(alice["tv"], BOB), 20, "friends at the device")
    with impostor(bob, alice) as link:
        yield alice, link


def refusal(link, sender, to):
    link.send(wire.rpc(sender, to, wire.request(METHOD, ["x"])))
    return link.expect(lambda m: m["type"] == "JSONRPC")["payload"]["error"]["code"]


def nothing_comes(link):
    with pytest.raises(TimeoutError):
        link.expect(lambda m: m["type"] == "JSONRPC", timeout=1)


def still_served(alice, link):
    """The hub is there, and so is the link."""
    assert alice["tv"].call("test@tv", "get42", '["x"]').json() == {"result": "42 x"}
    link.send(wire.prop(BOB, "probe", None, ALICE))
    link.expect_prop("keepAlive")


def test_only_its_own_names(attack):
    """In the name of Alice, of Carol, or of what only looks like Bob, nothing is delivered."""
    alice, link = attack
    share(alice, BOB)
    eventually(lambda: f"{foreign.TEST_API}@tv" in friends_of(alice["tv"])[BOB]["may"], 10, "share")
    for sender in (ALICE, f"{ALICE}/tv", f"{CAROL}/pad", f"{BOB}x/pad", BOB.upper() + "/pad"):
        link.send(wire.rpc(sender, f"{ALICE}/tv", wire.request(METHOD, ["x"])))
        link.send(wire.rpc(f"{BOB}/pad", f"{ALICE}/tv", wire.request(METHOD, ["x"]),
                           resp_to=sender))
    nothing_comes(link)
    assert "call from=" not in alice["tv"].log()
    assert alice.hub.status()["metrics"]["spoofed"] >= 10
    link.send(wire.rpc(f"{BOB}/pad", f"{ALICE}/tv", wire.request(METHOD, ["x"])))
    assert link.expect(lambda m: m["type"] == "JSONRPC")["payload"]["result"] == "42 x"
    still_served(alice, link)


def test_nothing_without_a_share(attack):
    alice, link = attack
    assert refusal(link, f"{BOB}/pad", f"{ALICE}/tv") == -32004
    assert refusal(link, f"{BOB}/pad", ALICE) == -32004
    # A friend's friend is a stranger.
    assert refusal(link, f"{BOB}/pad", f"{CAROL}/tv") == -32001
    link.send(wire.prop(BOB, "findServices", {"id": "f", "for": f"{BOB}/pad"}, ALICE))
    assert link.expect_prop("foundServices")["services"] == []
    link.send(wire.prop(BOB, "findServices", {"id": "g", "for": f"{CAROL}/pad"}, ALICE))
    link.send(wire.prop(BOB, "findServices", {"id": "h", "for": f"{ALICE}/tv"}, ALICE))
    with pytest.raises(TimeoutError):
        link.expect_prop("foundServices", timeout=1)
    still_served(alice, link)


def test_nothing_about_our_zone(attack):
    """Names, services, lists and routes of Alice's zone are not a friend's to say."""
    alice, link = attack
    before = alice["tv"].services(), alice.hub.devices()["tv"]
    entry = {"name": "tv", "connected": False, "revoked": True, "displayName": "Mine"}
    for status, message in (
            ("Update", {"PZP": [entry, {"name": f"{ALICE}/tv"}, {"name": "../tv"}, 7]}),
            ("registerServices", {"from": f"{ALICE}/tv", "services": []}),
            ("foundServices", {"id": "x", "services": [foreign.descriptor(f"{ALICE}/tv")]}),
            ("pzpInfo", {"displayName": "Mine", "addresses": ["10.0.0.1"], "port": 1}),
            ("friendUpdate", {"zone": ALICE, "connected": False}),
            ("Update_Hash", {"timestamp": 1, "items": {}}),
            ("Sync_Data", {"trusted-pzp": []}), ("revoked", {"reason": "no"}),
            ("policyEdit", {"id": "1", "base": 0, "size": 1, "at": 0, "text": "x"}),
            ("leave", None)):
        link.send(wire.prop(BOB, status, message, ALICE))
        link.send(wire.prop(BOB, status, message, f"{ALICE}/tv"))
    still_served(alice, link)
    assert alice["tv"].services() == before[0]
    assert alice.hub.devices()["tv"]["displayName"] == before[1]["displayName"]
    # What it says is kept as what it is: a TV of Bob's.
    peers = {one["id"]: one["friend"] for one in alice["tv"].pzp("peers", "--json").json()}
    assert peers == {f"{BOB}/tv": True}
