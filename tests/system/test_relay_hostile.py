"""Two real devices that reach each other only through a relay, which is a hostile device of their
zone (page 15 "A hop"). They get a link that both ends have proved, or an error soon; and both keep
working."""

import concurrent.futures
import json
import os

import pytest

from pz import daemon, foreign, programs
from pz.daemon import eventually, route
from pz.relay import Relay
from pz.wire import data

ZONE = daemon.ZONE
RELAY = "mallory"
SOON = 30  # s: an attempt takes 15 s at most, and a call that was under way is tried once more
GROWTH_KIB = 16 << 10


class Town:
    """The hub, three devices that take no direct links, and the identity of a relay."""

    def __init__(self, world):
        self.hub = world.hub(env=programs.LEAN)
        self.a, self.b, self.c = [world.device(name, self.hub, env=programs.LEAN)
                                  for name in ("laptop", "tv", "phone")]
        self.devices = (self.a, self.b, self.c)
        self.me = foreign.join(self.hub, RELAY)
        for one in self.devices:
            one.wait_synced(3)
            one.pzp("prefs", "peer.listen", "false", "--now")
            one.wait_state("connected")
            one.wait_status(lambda s: not s["ports"]["tls"], what="no server")

    def without_hub(self):
        self.hub.kill()
        for one in self.devices:
            one.wait_state("not-connected", "connecting")

    def with_hub(self):
        self.hub.start()
        for one in self.devices:
            one.pzp("reconnect")
            one.wait_state("connected")


@pytest.fixture(scope="module")
def town(module_world):
    return Town(module_world)


def used(device):
    """What must not grow: memory in KiB, descriptors."""
    return device.rss_kib(), len(os.listdir(f"/proc/{device.process.pid}/fd"))


def links(device, relay):
    device.pzp("connect", RELAY, "--address", f"127.0.0.1:{relay.port}")


def is_relayed(one, other):
    """True when it has a link with the other one through the relay."""
    return route(one.ask("status"), other.device) == "relay"


def until_relayed(one, other):
    one.pzp("connect", other.device, check=False)
    eventually(lambda: is_relayed(one, other) and is_relayed(other, one), SOON, "link through the relay")


def until_lost(*devices):
    for one in devices:
        for other in devices:
            if one is not other:
                eventually(lambda one=one, other=other: not is_relayed(one, other), SOON, "lost link")


@pytest.fixture
def relay(town):
    """The devices laptop and tv have a link through it; when it is gone, they have the hub and are
    as they were before."""
    before = {one: used(one) for one in town.devices}
    town.without_hub()
    with Relay(town.me, town.a, town.b) as one:
        for device in (town.a, town.b):
            links(device, one)
        until_relayed(town.a, town.b)
        town.a.calls(town.b, "before")
        yield one
    town.with_hub()
    until_lost(town.a, town.b)
    town.a.calls(town.b, "after")
    town.b.calls(town.a, "after")
    for device, (memory, descriptors) in before.items():
        eventually(lambda device=device, n=descriptors: used(device)[1] <= n + 1, what="descriptors back")
        assert used(device)[0] < memory + GROWTH_KIB


def call(town, word="x"):
    """A call that may fail, before its own time is over, and is never answered with anything but its
    own answer."""
    result = town.a.pzp("call", "test@tv", "get42", "-", "--json", "--timeout", 2 * SOON,
                        stdin=json.dumps([word]), check=False, timeout=3 * SOON)
    assert result.code != 0 or result.json() == {"result": f"42 {word}"}, repr(result)
    assert result.code == 0 or result.json()["error"]["message"] != "timed out", repr(result)
    return result.code == 0


def honest_again(town, relay):
    """The relay does as it should, and devices that have left it come back."""
    relay.bend()
    for one in (town.a, town.b):
        if one.device not in relay.do(lambda relay: list(relay.links)):
            links(one, relay)
    until_relayed(town.a, town.b)
    town.a.calls(town.b, "again")


def callers(device):
    return {one["who"]["device"] for one in map(json.loads, device.pzp("audit", "--json").out.splitlines())}


def test_an_honest_relay(town, relay):
    """The rest of this file means something: what passes is spliced by the relay of these tests."""
    before = relay.do(lambda relay: [side.frames for side in relay.sides()])
    town.a.calls(town.b)
    town.b.calls(town.a)
    after = relay.do(lambda relay: [side.frames for side in relay.sides()])
    assert len(after) == 2 and all(late > early for early, late in zip(before, after)), (before, after)
    assert town.a.peers()[town.b.device]["relay"] == RELAY


# ---- bytes ----

def each(change):
    """Changes every frame of a channel: change(content) gives what is passed on."""
    def on_data(_relay, side, content):
        for piece in change(content):
            side.other.pass_on(piece)
    return on_data


def swapping():
    """Every second frame before the one that came before it."""
    kept = {}

    def on_data(_relay, side, content):
        if side in kept:
            side.other.pass_on(content)
            side.other.pass_on(kept.pop(side))
        else:
            kept[side] = content
    return on_data


def returning(_relay, side, content):
    """Back to where it came from."""
    side.pass_on(content)


BENT = {
    "dropped": lambda: each(lambda content: []),
    "dropped in the middle": lambda: each(lambda content: [content[:9] + content[10:]]),
    "doubled": lambda: each(lambda content: [content, content]),
    "reordered": swapping,
    "truncated": lambda: each(lambda content: [content[:-1]]),
    "altered": lambda: each(lambda content: [content[:-1] + bytes([content[-1] ^ 1])]),
    "a byte more": lambda: each(lambda content: [content + b"x"]),
    "returned": lambda: returning,
}


@pytest.mark.parametrize("how", BENT)
def test_bytes(town, relay, how):
    """Of a link that is up: nothing that was bent is a message, and the link goes; no new one comes up
    while that lasts; and one that is up again is as good as before."""
    relay.bend(on_data=BENT[how]())
    call(town, how)
    until_lost(town.a, town.b)
    assert town.a.pzp("connect", town.b.device, check=False).code != 0
    honest_again(town, relay)


def test_bytes_that_are_late(town, relay):
    """They come when the relay lets them, in their order: the call has its answer, by the same link."""
    held = []
    relay.bend(on_data=lambda _relay, side, content: held.append((side, content)))
    channels = relay.do(lambda relay: relay.sides())
    with concurrent.futures.ThreadPoolExecutor() as pool:
        answer = pool.submit(call, town, "late")
        eventually(lambda: held, what="bytes of the call")
        relay.bend()
        relay.do(lambda _relay: [side.other.pass_on(content) for side, content in held])
        assert answer.result()
    assert relay.do(lambda relay: relay.sides()) == channels


def test_two_channels_swapped(town, relay):
    """What the laptop and the phone send to the tv, and what it sends to them, each for the other's."""
    links(town.c, relay)
    relay.do(lambda relay: relay.reach.append(town.c.device))
    until_relayed(town.c, town.b)

    def swap(relay, side, content):
        name = {"laptop": "phone", "phone": "laptop"}.get
        wanted = {name(side.link.name) or side.link.name, name(side.other.link.name) or side.other.link.name}
        for one in relay.sides():
            if one.link.name == (name(side.other.link.name) or side.other.link.name) \
                    and {one.link.name, one.other.link.name} == wanted:
                one.pass_on(content)

    relay.bend(on_data=swap)
    for one in (town.a, town.c):
        result = one.call("test@tv", "get42", '["swapped"]', check=False)
        assert result.code != 0 or result.json() == {"result": "42 swapped"}, repr(result)
    for one in (town.a, town.c):
        until_lost(one, town.b)
    honest_again(town, relay)


# ---- credit ----

def credit(*amounts):
    """Gives these amounts in the place of each credit."""
    def on_credit(_relay, side, _message):
        for amount in amounts:
            side.other.say("channelCredit", bytes=amount)
    return on_credit


CREDIT = {"none": (), "too much": (0xffffffff, 0xffffffff), "below nothing": (-1,), "no number": ("x",)}


@pytest.mark.parametrize("what", CREDIT)
def test_credit(town, relay, what):
    """A call that needs some ends, with its answer or an error, and so does the link."""
    relay.bend(on_credit=credit(*CREDIT[what]))
    call(town, 600000 * "x")
    until_lost(town.a, town.b)
    honest_again(town, relay)


# ---- answers to an open ----

def accept(**bent):
    def on_accept(_relay, far, message):
        far.peer = message["peer"]
        far.other.link.say("channelAccept", **{"channel": far.other.peer, "peer": far.other.number,
                                               "window": message["window"], **bent})
    return on_accept


def accept_twice(relay, far, message):
    Relay.on_accept(relay, far, message)
    Relay.on_accept(relay, far, message)


def no_answer(_relay, _side, _message):
    pass


ACCEPTED = {
    "a number that was not opened": accept(channel=63),
    "no number of the relay": accept(peer=None),
    "a window of 33 bits": accept(window=1 << 32),
    "no window": accept(window=0),
    "twice": accept_twice,
    "not at all": no_answer,
}


def break_link(town, relay):
    """The link between the two is gone, and none comes up by itself at once."""
    relay.bend(on_data=BENT["altered"]())
    call(town, "break")
    until_lost(town.a, town.b)


@pytest.mark.parametrize("how", ACCEPTED)
def test_answers(town, relay, how):
    break_link(town, relay)
    relay.bend(on_accept=ACCEPTED[how])
    assert town.a.pzp("connect", town.b.device, check=False).code != 0
    assert not is_relayed(town.a, town.b)
    honest_again(town, relay)


def test_a_large_window(town, relay):
    """As large as can be said: the sender keeps its own bounds."""
    break_link(town, relay)
    relay.bend(on_accept=accept(window=0xffffffff), on_credit=no_answer)
    until_relayed(town.a, town.b)
    before = used(town.a)[0]
    call(town, 600000 * "x")
    assert used(town.a)[0] < before + GROWTH_KIB
    until_lost(town.a, town.b)
    honest_again(town, relay)


# ---- names and places ----

NAMES = {"phone": f"{ZONE}/phone", "the hub": ZONE, "the other end": f"{ZONE}/tv", "another zone": "eve@example.org/x"}


@pytest.mark.parametrize("whose", NAMES)
def test_another_from(town, relay, whose):
    """Page 15 "Kind link": who it is shows in the handshake, whatever the relay says."""
    break_link(town, relay)

    def on_open(relay, link, offer):
        relay.splice(link, offer, relay.lead(link, offer), NAMES[whose])

    known = callers(town.b)
    assert town.a.device in known
    relay.bend(on_open=on_open)
    until_relayed(town.a, town.b)
    assert call(town, "who")
    assert callers(town.b) == known, callers(town.b)
    assert not is_relayed(town.b, town.c)


@pytest.mark.parametrize("where", ["phone", "laptop"])
def test_led_to_another_device(town, relay, where):
    """To a third one, or back to the opener."""
    links(town.c, relay)
    break_link(town, relay)
    relay.bend(lead=lambda relay, _link, _offer: relay.links[where])
    result = town.a.pzp("connect", town.b.device, check=False)
    assert result.code != 0 and "through mallory" in result.err, repr(result)
    for one in town.devices:
        assert not [peer for peer in one.peers().values() if peer["route"] == "relay"]
    honest_again(town, relay)


# ---- in a loop ----

def close_all(relay):
    for side in relay.sides():
        side.say("channelClose", reason="loop")
        side.link.sides.pop(side.number, None)


def test_closed_again_and_again(town, relay):
    for _ in range(8):
        relay.do(close_all)
        town.a.pzp("connect", town.b.device, check=False)
        eventually(lambda: len(relay.do(lambda relay: relay.sides())) >= 2 and is_relayed(town.a, town.b),
                   SOON, "next link")
    until_relayed(town.a, town.b)
    eventually(lambda: call(town), SOON, "call by the last link")


def open_links(relay, link, count):
    """The relay opens channels by itself, in the phone's name."""
    for _ in range(count):
        link.say("channelOpen", channel=link.side().number, window=1000, kind="link", to=link.address,
                 **{"from": f"{ZONE}/phone"})


def test_closes_that_are_not_answered(town, relay):
    """Page 15: a number is taken until then. When all 64 are, this relay is of no use to that device,
    which says so, and nothing else is the matter."""
    break_link(town, relay)
    refused = []

    def speak_rubbish(_relay, side, message):
        side.link.send(data(message["peer"], b"rubbish"))

    relay.bend(on_accept=speak_rubbish, on_refuse=lambda _relay, _side, message: refused.append(message["reason"]),
               on_close=no_answer)
    relay.do(lambda relay: open_links(relay, relay.links["laptop"], 65))
    eventually(lambda: "limit" in refused, what="the limit")
    result = town.a.pzp("connect", town.b.device, check=False)
    assert result.code != 0 and "through mallory: too many channels" in result.err, repr(result)
    relay.do(lambda relay: [relay.drop(link) for link in list(relay.links.values())])
    honest_again(town, relay)


def test_opens_of_the_relay(town, relay):
    """It opens channels that nothing speaks in, and closes them, again and again."""
    closed = []

    def close_at_once(_relay, side, message):
        closed.append(message)
        side.link.say("channelClose", channel=message["peer"], reason="loop")

    relay.bend(on_accept=close_at_once, on_refuse=lambda _relay, side, _message: closed.append(side),
               on_close=no_answer)
    for _ in range(10):
        relay.do(lambda relay: [open_links(relay, link, 100) for link in list(relay.links.values())])
    eventually(lambda: len(closed) >= 2000, what="answers to all of them")
    assert call(town)


# ---- a file ----

def test_a_file(town, relay):
    """It arrives, whole, though the link breaks under it three times."""
    content = os.urandom(3 << 20)
    path = town.hub.world.path / "bent.bin"
    path.write_bytes(content)
    left = [3]

    def on_data(_relay, side, data_of_it):
        if left[0] and len(data_of_it) > 10000 and side.frames % 16 == 0:
            left[0] -= 1
            data_of_it = data_of_it[:-1] + bytes([data_of_it[-1] ^ 1])
        side.other.pass_on(data_of_it)

    relay.bend(on_data=on_data)
    town.a.pzp("send", str(path), "tv", timeout=120)
    assert left == [0]
    (come,) = [one for one in town.b.data_dir.glob("inbox/**/bent*")]
    assert come.read_bytes() == content
