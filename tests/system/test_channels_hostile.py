"""
Page 15: what a hostile member, relay or hub can do with channels. The hub and the devices are real,
the hostile ends are not.
"""

import concurrent.futures
import contextlib
import itertools
import json
import time

import pytest
from OpenSSL import SSL

from pz import daemon, fakepeer, foreign, proof, wire
from pz.daemon import is_direct
from pz.wire import data

ZONE = daemon.ZONE

class HERE:
    """This host, as pz.fakepeer wants one."""

    inside = contextlib.nullcontext


_names, _numbers = itertools.count(1), itertools.count(1)


class End:
    """A hostile device's end of its link to the hub: messages, and the data of channels."""

    def __init__(self, me, link):
        self.me, self.link, self.received = me, link, {}
        self.link.on_data = self._on_data

    def _on_data(self, number, content):
        self.received.setdefault(number, bytearray()).extend(content)

    def say(self, status, **message):
        self.link.send(wire.prop(self.me.address, status, message))

    def open(self, number, to, window=1000, **more):
        self.say("channelOpen", channel=number, window=window, to=to, kind="link", **more)

    def answer(self):
        """(status, message) of what came to an open."""
        answer = self.link.expect(lambda m: wire.is_prop(m, "channelRefuse")
                                  or wire.is_prop(m, "channelAccept"))
        return answer["payload"]["status"], answer["payload"]["message"]

    def refused(self):
        status, message = self.answer()
        assert status == "channelRefuse", message
        return message

    def accepted(self):
        status, message = self.answer()
        assert status == "channelAccept", message
        return message

    def carry(self, numbers, timeout=20):
        """Passes data on by a map of numbers until a channel is closed; returns what says so."""
        deadline = time.monotonic() + timeout
        while True:
            message = self.link._one()
            for number in [one for one in numbers if self.received.get(one)]:
                self.link.send_raw(data(numbers[number], bytes(self.received.pop(number))))
            if message is None:
                self.link._more(deadline)
            elif wire.is_prop(json.loads(message), "channelClose"):
                return json.loads(message)["payload"]["message"]

    def until_closed(self):
        return self.link.until_closed()


class Inside:
    """A stream as wire.Link wants it: TLS as a client, in a channel that `end` opens."""

    def __init__(self, end, number, to, identity, bend=lambda data: data, **more):
        self.end, self.number, self.bend, self.timeout = end, number, bend, 10
        end.open(number, to, window=1 << 20, **more)
        self.peer = end.accepted()["peer"]
        self.tls = SSL.Connection(fakepeer._context(identity), None)
        self.proof = proof.offer(self.tls, identity.secret) if identity.secret else None
        self.tls.set_tlsext_host_name(foreign.sni(identity.zone, "127.0.0.1").encode())
        self.tls.set_connect_state()

    def settimeout(self, seconds):
        self.timeout = seconds

    def _pass_out(self):
        try:
            while True:
                self.end.link.send_raw(data(self.peer, self.bend(self.tls.bio_read(16000))))
        except SSL.WantReadError:
            pass

    def _pass_in(self):
        """Bytes of the channel; wire.Closed when it was closed."""
        deadline = time.monotonic() + self.timeout
        while not self.end.received.get(self.number):
            self.end.link.inbox += [json.loads(body)] if (body := self.end.link._one()) else []
            for message in self.end.link.inbox:
                if wire.is_prop(message, "channelClose") \
                        and message["payload"]["message"]["channel"] == self.number:
                    raise wire.Closed("channel closed")
            if not self.end.received.get(self.number):
                self.end.link._more(deadline)
        self.tls.bio_write(bytes(self.end.received.pop(self.number)))

    def _patiently(self, operation, *args):
        while True:
            try:
                result = operation(*args)
                self._pass_out()
                return result
            except SSL.WantReadError:
                self._pass_out()
                self._pass_in()
            except (SSL.Error, SSL.ZeroReturnError) as error:
                raise wire.Closed(f"TLS: {error}") from error

    def handshake(self):
        self._patiently(self.tls.do_handshake)
        return wire.Link(self)

    def recv(self, size):
        return self._patiently(self.tls.recv, size)

    def sendall(self, content):
        self._patiently(self.tls.sendall, content)

    def close(self):
        pass


def join(hub):
    """A hostile device that is connected to the hub."""
    me = foreign.join(hub, f"hostile{next(_names)}")
    return End(me, me.connect("127.0.0.1", hub.port))


@pytest.fixture
def members(shared_zone):
    """Makes hostile devices that are connected to the hub."""
    ends = []

    def make(count):
        ends.extend(join(shared_zone.hub) for _ in range(count))
        return ends[-count:]
    yield make
    for one in ends:
        one.link.close()
    shared_zone.serves()


def joined(opener, taker, window=1000):
    """An open channel between two ends: the number that the opener has to write on its frames."""
    opener.open(next(_numbers), taker.me.address, window)
    offer = taker.link.expect_prop("channelOpen")
    assert offer["from"] == opener.me.address
    taker.say("channelAccept", channel=offer["channel"], peer=next(_numbers), window=window)
    return opener.accepted()["peer"]


# ---- many ----

def test_a_thousand_opens_to_a_device(members, shared_zone):
    """Page 15 "Limits": four for a pair."""
    (one,) = members(1)
    for number in range(1, 1001):
        one.open(number, f"{ZONE}/laptop")
    answers = [one.answer() for _ in range(1000)]
    assert sum(status == "channelAccept" for status, _ in answers) == 4
    assert {message["reason"] for status, message in answers
            if status == "channelRefuse"} == {"limit"}
    shared_zone.serves()


def test_a_thousand_opens_to_the_hub(members, shared_zone):
    """Page 15 "Limits": 64 for a link, in each of which the hub waits for a handshake."""
    (one,) = members(1)
    for number in range(1, 1001):
        one.open(number, ZONE, **{"from": f"{ZONE}/tv"})
    answers = [one.answer() for _ in range(1000)]
    assert sum(status == "channelAccept" for status, _ in answers) <= 64
    shared_zone.serves()
    shared_zone.a.pzp("reconnect")  # the waiting room has a place for others
    shared_zone.a.wait_state("connected")


def test_opens_and_closes_in_a_loop(members):
    """Page 15 "On the wire": a number is free when its close was answered."""
    (one,) = members(1)
    for number in range(1, 201):
        one.open(number, f"{ZONE}/laptop")
        one.say("channelClose", channel=one.accepted()["peer"], reason="loop")
        one.link.expect_prop("channelClose")


def test_opens_without_reading(members, shared_zone):
    """The hub keeps no refusals for an opener that reads nothing, and drops no link for it."""
    (one,) = members(1)
    before = shared_zone.hub.status()["messages"]["dropped"]
    refused = wire.frame(wire.prop(one.me.address, "channelOpen", {
        "channel": 1, "window": 1, "to": f"{ZONE}/nosuch", "kind": "link"}))
    for _ in range(100):
        one.link.send_raw(2000 * refused)
        if shared_zone.hub.status()["messages"]["dropped"] > before:
            break
    assert shared_zone.hub.status()["messages"]["dropped"] > before
    shared_zone.serves()


def test_credit_byte_by_byte(members, shared_zone):
    """Page 15 "A hop": it reaches the other end in few messages."""
    opener, taker = members(2)
    taken = joined(opener, taker, window=0)
    one = wire.frame(wire.prop(opener.me.address, "channelCredit", {"channel": taken, "bytes": 1}))
    opener.link.send_raw(4000 * one)
    opener.say("channelClose", channel=taken, reason="done")
    messages = []
    taker.link.expect(lambda m: messages.append(m) or wire.is_prop(m, "channelClose"))
    credits = [m["payload"]["message"]["bytes"] for m in messages
               if wire.is_prop(m, "channelCredit")]
    assert len(credits) <= 12 and 2000 <= sum(credits) <= 4000, credits


def test_windows_of_all(lean_zone):
    """Page 15 "Limits": whatever the ends offer, the windows of all splices are 64 MiB at most."""
    ends = [join(lean_zone.hub) for _ in range(8)]
    before, windows, refused = lean_zone.hub.rss_kib(), 0, 0
    for opener in ends[:6]:
        for taker in 4 * [one for one in ends if one is not opener]:
            number = next(_numbers)
            opener.open(number, taker.me.address, 0xffffffff)
            # The hub has dealt with the open when it answers the next one.
            opener.say("channelOpen", channel=1 << 30, window=1, to=f"{ZONE}/nosuch", kind="link")
            first = opener.refused()
            if first["channel"] == number:
                assert first["reason"] == "limit"
                refused += 1
                opener.refused()
                continue
            offer = taker.link.expect_prop("channelOpen")
            assert offer["from"] == opener.me.address
            windows += offer["window"]
            taker.say("channelAccept", channel=offer["channel"], peer=next(_numbers),
                      window=0xffffffff)
            accepted = opener.accepted()
            windows += accepted["window"]
            frame = data(accepted["peer"], b"x" * 16000)
            opener.link.send_raw(frame * (accepted["window"] // 16000))
    assert refused > 0 and 0 < windows <= 64 << 20
    lean_zone.serves()
    assert lean_zone.hub.rss_kib() - before < 80 << 10
    for one in ends:
        one.link.close()


# ---- bytes out of place ----

OUT_OF_PLACE = {
    "beyond the window": lambda number: data(number, b"x" * 1001),
    "of a number of somebody else's": lambda number: data(number + 1, b"x"),
    "before it was accepted": lambda number: data(number + 7, b"x"),
}


@pytest.mark.parametrize("what", OUT_OF_PLACE)
def test_data_out_of_place(members, what):
    """Page 15 "On the wire": it closes the sender's link, and no other."""
    opener, taker, other = members(3)
    taken = joined(opener, taker)
    joined(other, taker)
    joined(other, taker)  # numbers of the hub's that are in use, on other links
    opener.link.send_raw(OUT_OF_PLACE[what](taken))
    opener.until_closed()
    assert taker.link.expect_prop("channelClose")["reason"] == "lost"
    assert not any(taker.received.values())
    number = joined(other, taker)
    other.link.send_raw(data(number, b"still"))
    taker.say("channelOpen", channel=9, window=1, to=f"{ZONE}/nosuch", kind="link")
    assert taker.refused()["reason"] == "unreachable"


@pytest.mark.parametrize("last", ["channelEnd", "channelClose"])
def test_data_of_a_closed_channel(members, last):
    """Page 15 "On the wire": after its end, and after a close that was answered."""
    opener, taker = members(2)
    taken = joined(opener, taker)
    opener.say(last, channel=taken, reason="done")
    taker.link.expect_prop(last)
    if last == "channelClose":
        opener.link.expect_prop("channelClose")
    opener.link.send_raw(data(taken, b"x"))
    opener.until_closed()
    assert not any(taker.received.values())


# ---- to where it must not go ----

def test_a_revoked_device(members, shared_zone):
    """Page 15 "A hop": neither the hub nor a device links it; what it has open is over at once."""
    opener, taker = members(2)
    joined(opener, taker)
    shared_zone.hub.pzh("revoke", taker.me.device, "--yes")
    assert opener.link.expect_prop("channelClose")["reason"] == "lost"
    opener.open(10 ** 6, taker.me.address)
    assert opener.refused() == {"channel": 10 ** 6, "reason": "unreachable"}
    link = Inside(opener, 10 ** 6 + 1, ZONE, taker.me, **{"from": taker.me.address}).handshake()
    link.send(taker.me.register_message())
    assert not [m for m in link.until_closed() if m.get("register")]


def test_a_link_in_a_link_in_a_link(members):
    """Page 15 "A hop": a hub takes what a relay passes on, over one hop."""
    relay, inner, innermost = members(3)
    link = Inside(relay, 1, ZONE, inner.me, **{"from": inner.me.address}).handshake()
    link.send(inner.me.register_message())
    assert link.receive().get("register") is True
    second = End(inner.me, link)
    second.open(1, ZONE, **{"from": innermost.me.address})
    assert second.refused() == {"channel": 1, "reason": "refused"}
    second.open(2, innermost.me.address)  # to a device it may go on from there
    assert innermost.link.expect_prop("channelOpen")["from"] == inner.me.address


# ---- who speaks inside ----

def test_an_honest_link_inside(members):
    """The rest of this section means something: the helper can talk to a device in a channel."""
    (one,) = members(1)
    link = Inside(one, 1, f"{ZONE}/laptop", one.me).handshake()
    link.send(fakepeer.register(one.me.address, f"{ZONE}/laptop"))
    assert link.receive().get("register") is True
    assert one.me.call(link, f"{ZONE}/laptop")["result"] == "42 x"


@pytest.mark.parametrize("claim", ["tv", ""])
def test_a_false_name_inside(members, claim):
    """Page 1 "Who may say what": inside a channel, too, a link speaks for its certificate only."""
    (one,) = members(1)
    link = Inside(one, 1, f"{ZONE}/laptop", one.me).handshake()
    link.send(fakepeer.register(f"{ZONE}/{claim}".rstrip("/"), f"{ZONE}/laptop"))
    messages = link.until_closed()  # its own opening, for the name that the certificate has
    assert [m["to"] for m in messages if m.get("register")] == [one.me.address]
    assert not [m for m in messages if wire.is_prop(m, "pzpInfo")]


def test_a_stranger_inside(members):
    """A certificate of a CA that is not the zone's, with a member's name."""
    (one,) = members(1)
    for number, secret in enumerate((one.me.secret, None), 1):
        inside = Inside(one, number, f"{ZONE}/laptop", fakepeer.stranger(ZONE, "tv", secret))
        with pytest.raises(wire.Closed):
            inside.handshake().receive()


BENT = {
    "altered": lambda piece: piece[:-1] + bytes([piece[-1] ^ 1]),
    "truncated": lambda piece: piece[:-1],
    "dropped in the middle": lambda piece: piece[:9] + piece[10:],
    "doubled": lambda piece: piece + piece,
}


@pytest.mark.parametrize("how", BENT)
def test_bytes_that_a_relay_bends(members, how):
    """Nothing of what was bent is a message: the call is never answered, and the link is lost."""
    (one,) = members(1)
    inside = Inside(one, 1, f"{ZONE}/laptop", one.me)
    link = inside.handshake()
    link.send(fakepeer.register(one.me.address, f"{ZONE}/laptop"))
    assert link.receive().get("register") is True
    inside.bend = BENT[how]
    calls = [wire.request(foreign.TEST_METHOD, [how]) for _ in range(3)]
    for call in calls:
        link.send(wire.rpc(one.me.address, f"{ZONE}/laptop", call))
    answered = [m for m in link.until_closed() if wire.is_answer(m, calls[-1]["id"])
                or (how != "doubled" and wire.is_answer(m, calls[0]["id"]))]
    assert answered == []


# ---- a device as the hop ----

@pytest.fixture
def hop(members, shared_zone):
    """A hostile device's direct link to the laptop, which relays; and its link to the hub."""
    (one,) = members(1)
    link = fakepeer.connect(HERE, one.me, "127.0.0.1", shared_zone.a.status()["ports"]["tls"])
    with link:
        yield End(one.me, link), one


AT_A_DEVICE = {
    "back to where it came from": ("hostile", {}, "unreachable"),
    "no such device": ("nosuch", {}, "unreachable"),
    "a device that only the hub reaches": ("other", {}, "unreachable"),
    "after a hop already": ("other", {"from": f"{ZONE}/tv"}, "refused"),
    "to the hub, after a hop already": ("", {"from": f"{ZONE}/tv"}, "refused"),
    "a file for another device": ("other", {"kind": "file"}, "refused"),
    "another kind": ("laptop", {"kind": "x" * 32}, "unknownKind"),
    "too long a kind": ("laptop", {"kind": "x" * 33}, "badRequest"),
    "no kind": ("laptop", {"kind": None}, "badRequest"),
    "an app": ("laptop/app:1", {}, "badRequest"),
    "a window below nothing": ("laptop", {"window": -1}, "badRequest"),
    "a window of 33 bits": ("laptop", {"window": 1 << 32}, "badRequest"),
}


@pytest.mark.parametrize("what", AT_A_DEVICE)
def test_what_a_device_refuses(hop, members, what):
    near, own = hop
    name, more, reason = AT_A_DEVICE[what]
    (other,) = members(1)
    name = {"hostile": own.me.device, "other": other.me.device}.get(name, name)
    near.say("channelOpen", **{"channel": 7, "window": 1000, "kind": "link",
                               "to": f"{ZONE}/{name}".rstrip("/"), **more})
    assert near.refused() == {"channel": 7, "reason": reason}


def test_a_device_passes_eight(hop):
    """Page 15 "Limits"; here to the hub, which sees who opened and waits for a handshake."""
    near, _ = hop
    for number in range(1, 12):
        near.open(number, ZONE)
    answers = [near.answer() for _ in range(11)]
    assert sum(status == "channelAccept" for status, _ in answers) == 8
    assert [message["reason"] for status, message in answers
            if status == "channelRefuse"] == 3 * ["limit"]


def test_a_thousand_opens_by_a_direct_link(hop, shared_zone):
    near, _ = hop
    for number in range(1, 1001):
        near.open(number, f"{ZONE}/laptop")
    answers = [near.answer() for _ in range(1000)]
    assert sum(status == "channelAccept" for status, _ in answers) <= 64
    shared_zone.serves()


def test_through_a_device_under_another_name(hop, members):
    """The hub believes the handshake, whatever the hop says."""
    near, own = hop
    (victim,) = members(1)
    link = Inside(near, 1, ZONE, own.me).handshake()
    link.send({**own.me.register_message(), "from": victim.me.address})
    assert not [m for m in link.until_closed() if wire.is_prop(m, "Update")]
    victim.open(1, f"{ZONE}/nosuch")
    assert victim.refused()["reason"] == "unreachable"  # it has its link


def test_revoked_behind_a_device(hop, shared_zone):
    """Reached through a relay only, and not willing to go: its link is over when the list is there, as a
    direct one is, and the relay's with it; nothing new is passed on for it."""
    near, own = hop
    device, tv = own.me.device, f"{ZONE}/tv"
    own.link.close()  # so the relay is its only way
    shared_zone.a.connect(shared_zone.b)
    is_direct(shared_zone.a, shared_zone.b)
    link = Inside(near, 1, tv, own.me).handshake()
    link.send(fakepeer.register(own.me.address, tv))
    assert link.receive().get("register") is True
    assert own.me.call(link, tv)["result"] == "42 x"
    assert shared_zone.b.peers()[device]["route"] == "relay"
    before = [len(one.lines) for one in (shared_zone.a, shared_zone.b)]
    shared_zone.hub.pzh("revoke", device, "--yes")
    for one, start in zip((shared_zone.a, shared_zone.b), before):
        one.wait_log("crl number=", start=start)
        assert one.peers().get(device, {"route": "none"})["route"] == "none"
    link.until_closed()
    near.until_closed()
    with pytest.raises(wire.Closed):
        fakepeer.connect(HERE, own.me, "127.0.0.1", shared_zone.a.status()["ports"]["tls"])


# ---- a hop that does what it likes ----

@pytest.mark.slow
def test_an_open_that_nothing_answers(members):
    """Page 15 "Limits": 15 s. What comes later is closed, and the hop's link stays."""
    opener, taker = members(2)
    opener.open(1, taker.me.address)
    offer = taker.link.expect_prop("channelOpen")
    refusal = opener.link.expect_prop("channelRefuse", timeout=30)
    assert refusal == {"channel": 1, "reason": "unreachable"}
    taker.say("channelAccept", channel=offer["channel"], peer=5, window=1000)
    assert taker.link.expect_prop("channelClose") == {"channel": 5, "reason": "late"}


def test_no_credit(members, shared_zone):
    """The hub stores what the window allows, and the links of both ends go on."""
    opener, taker = members(2)
    number = joined(opener, taker, window=200000)
    opener.link.send_raw(data(number, b"x" * 10000) * 20)
    opener.open(10 ** 6, f"{ZONE}/nosuch")
    assert opener.refused()["reason"] == "unreachable"
    taker.open(10 ** 6, f"{ZONE}/nosuch")
    assert taker.refused()["reason"] == "unreachable"
    opener.link.send_raw(data(number, b"x"))  # one byte more than there is room for
    opener.until_closed()


def test_a_hop_that_leads_to_another_device(zone):
    """A device asks for a link to one, whose hop brings the bytes to another: it gets an error."""
    me = foreign.join(zone.hub, "hostile")
    end = End(me, me.connect("127.0.0.1", zone.hub.port))
    zone.a.pzp("prefs", "peer.listen", "false", "--now")
    zone.a.pzp("prefs", "private", "true")
    zone.a.pzp("reconnect")
    zone.a.wait_state("connected")
    with end.link, concurrent.futures.ThreadPoolExecutor() as pool:
        asked = pool.submit(zone.a.pzp, "connect", "hostile", check=False)
        offer = end.link.expect_prop("channelOpen", timeout=20)
        assert offer["from"] == f"{ZONE}/laptop"
        end.say("channelAccept", channel=offer["channel"], peer=1, window=1 << 20)
        end.open(2, f"{ZONE}/tv", window=1 << 20)
        numbers = {1: end.accepted()["peer"], 2: offer["channel"]}
        end.carry(numbers)  # either end may be the first to close
        assert "not the expected identity" in asked.result().err
    assert not [p for p in zone.a.peers().values() if p["private"]]
