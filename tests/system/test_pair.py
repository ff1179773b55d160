"""Two people next to each other: a pairing window on each device, six digits, both confirm (page 6,
"Strangers"). There is no hub. The other side is our own program, or one that is written from the
page (pz/stranger.py)."""

import contextlib
import json
import signal
import socket
import threading

import pytest
from OpenSSL import SSL

from pz import daemon, programs, stranger, wire

ZONES = ("alice@example.org", "bob@example.net")


def window(device, *args):
    """`pzp pair --json`, and the port of its window."""
    stream = device.stream("pair", "--json", *args)
    first = stream.line()
    assert first["state"] == "waiting" and first["partner"] is None and first["digits"] is None
    return stream, first["port"]


def digits_of(stream):
    return stream.until(lambda event: event.get("digits"))["digits"]


def last(stream):
    return stream.until(lambda event: "trusted" in event)


def answer(device, digits, *args, check=True):
    return device.pzp("pair", "--yes-if", digits, "--json", *args, check=check)


def peers(device):
    return {peer["id"]: peer for peer in device.pzp("peers", "--json").json()}


@pytest.fixture
def two(world):
    """Devices of no zone."""
    return [world.device(name) for name in ("laptop", "phone")]


@contextlib.contextmanager
def met(two):
    """Both windows are open, and the devices have met."""
    first, port = window(two[0])
    with first:
        second, _ = window(two[1], f"127.0.0.1:{port}")
        with second:
            yield first, second


@pytest.mark.smoke
def test_two_virgin_devices(two):
    with met(two) as (first, second):
        digits = digits_of(first)
        assert len(digits) == 6 and digits.isdigit()
        assert digits_of(second) == digits
        (partner,) = peers(two[0]).values()
        assert partner["state"] == "pairing" and partner["displayName"] == "phone"
        assert two[1].status()["pairing"]["digits"] == digits
        one = two[0].stream("pair", "--yes-if", digits, "--json")
        with one:
            answer(two[1], digits, "--remember")
            assert last(one)["trusted"] and one.end().code == 0
        for stream, name in ((first, "phone"), (second, "laptop")):
            result = last(stream)
            assert result["trusted"] and not result["remembered"]  # there is no zone to be a friend
            assert result["partner"]["device"] == name and result["partner"]["zone"] is None
            assert stream.end().code == 0
    for device in two:
        assert device.status()["pairing"] is None and not peers(device)


def test_one_says_no(two):
    """Other digits are a no; so is the end for both."""
    with met(two) as (first, second):
        digits = digits_of(first)
        digits_of(second)
        waiting = two[0].stream("pair", "--yes-if", digits, "--json")
        with waiting:
            waiting.line()  # it has joined
            refused = answer(two[1], "000000" if digits != "000000" else "000001", check=5)
            assert not json.loads(refused.out.splitlines()[-1])["trusted"]
            assert not last(waiting)["trusted"] and waiting.end().code == 5
        for stream in (first, second):
            result = last(stream)
            assert not result["trusted"] and not result["remembered"] and result["reason"]
            assert stream.end().code == 5
    no_window(two[0])


def no_window(device):
    assert "no pairing window" in device.pzp("pair", "--yes-if", "123456", check=1).reason()
    assert device.status()["pairing"] is None


def test_answer_on_standard_input(two):
    """A person types y; the text has names and digits."""
    first, port = window(two[0])
    with first:
        typed = threading.Thread(target=lambda: answer(two[0], digits_of(first)))
        typed.start()
        done = two[1].pzp("pair", f"127.0.0.1:{port}", stdin="what\ny\n")
        typed.join()
    assert "laptop" in done.out and "paired with" in done.out and "until pzpd ends" in done.out


@pytest.mark.parametrize("sig", (signal.SIGINT, signal.SIGKILL))
def test_window_closes_with_its_command(two, sig):
    with met(two) as (first, second):
        digits_of(second)
        first.interrupt(sig)
        result = last(second)
        assert not result["trusted"] and "closed" in result["reason"]
        assert second.end().code == 5
    no_window(two[0])


def test_outside_of_a_window_strangers_are_refused_in_the_handshake(two):
    """Nothing is shown, also where the port stays open; and a second window works.
    (page 14 ZON-7)
    """
    first, port = window(two[0])
    with first:
        with stranger.dial(port, stranger.Card()):
            pass
        first.interrupt(signal.SIGINT)
    with pytest.raises((OSError, SSL.Error, wire.Closed)):
        with stranger.dial(port, stranger.Card()) as late:
            late.take_hello()
    with met(two) as (first, second):
        assert digits_of(first) == digits_of(second)


def test_one_window_and_one_partner(two, world):
    third = world.device("tablet")
    with met(two) as (first, second):
        digits = digits_of(first)
        digits_of(second)
        assert "already" in two[0].pzp("pair", check=1).reason()
        port = two[0].status()["pairing"]["port"]
        late, _ = window(third, f"127.0.0.1:{port}")
        with late:
            event = late.until(lambda e: e.get("detail"))
            assert "has a partner" in event["detail"] and event["state"] == "waiting"
            late.interrupt(signal.SIGINT)
        threading.Thread(target=lambda: answer(two[0], digits, check=False)).start()
        answer(two[1], digits)
        assert last(first)["trusted"] and last(second)["trusted"]


# ---- another program ----


@pytest.fixture
def alone(world):
    return world.device("laptop")


def test_another_program_agrees_on_the_digits(alone):
    """Written from the page alone; member of a zone, too."""
    for card in (stranger.Card(), stranger.Card("tv", "eve@example.com", "Eve's \x1b[31mtv\u202e")):
        first, port = window(alone)
        with first, stranger.dial(port, card) as other:
            digits = other.meet()
            shown = first.until(lambda event: event.get("digits"))
            assert shown["digits"] == digits
            assert shown["partner"]["id"] == card.identity and shown["partner"]["zone"] == card.zone
            assert "\x1b" not in shown["partner"]["displayName"]
            said = threading.Thread(target=lambda: answer(alone, digits))  # pylint: disable=cell-var-from-loop
            said.start()
            assert other.expect("pairConfirm") == {"match": True, "remember": False}
            other.send("pairConfirm", match=True, remember=True)
            assert other.expect("pairResult") == {"trusted": True}
            other.send("pairResult", trusted=True)
            said.join()
            assert last(first)["trusted"]


def bad_reveal_first(other):
    other.send("pairReveal", k="A" * 43 + "=", proof="AAAA")


def bad_number(other):
    other.hello()
    other.take_hello()
    other.take_reveal()
    other.k = bytes(32)
    other.reveal()


def bad_proof(other):
    other.hello()
    other.take_hello()
    other.take_reveal()
    other.reveal(proof=other.card.sign(b"something else"))


def bad_second_try(other):
    other.meet()
    other.hello()


def bad_early_result(other):
    other.meet()
    other.send("pairResult", trusted=True)


@pytest.mark.parametrize("bad", (bad_reveal_first, bad_number, bad_proof, bad_second_try, bad_early_result))
def test_a_violation_closes_the_window(alone, bad):
    first, port = window(alone)
    with first, stranger.dial(port, stranger.Card()) as other:
        bad(other)
        result = last(first)
        assert not result["trusted"] and result["reason"]
        assert first.end().code in (1, 5)
        left = other.link.until_closed()
        assert [m["payload"]["message"]["trusted"] for m in left if wire.is_prop(m, "pairResult")] == [False]
    no_window(alone)


def test_only_messages_of_the_exchange_pass(alone):
    first, port = window(alone)
    with first:
        for message in (wire.prop("stranger", "register"), wire.rpc("stranger", "laptop", wire.request("x", [])),
                        {"type": "prop"}, "nonsense"):
            with stranger.dial(port, stranger.Card()) as other:
                other.take_hello()
                other.link.send(message)
                other.link.until_closed()
            if alone.status()["pairing"] is None:
                first.end()
                first, port = window(alone)
        first.interrupt(signal.SIGINT)


class Proxy:
    """A man in the middle: the device that dials `self.port` meets him, and he meets the window at `port`."""

    def __init__(self, port, make_card):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.target, self.make_card = port, make_card

    def ends(self):
        """Both exchanges, TLS and all: (with the one that dialled, with the window)."""
        self.listener.settimeout(20)
        sock, _ = self.listener.accept()
        return (stranger.Exchange(self.make_card(), sock, is_server=True),
                stranger.dial(self.target, self.make_card()))


def test_man_in_the_middle_with_his_own_keys(two):
    """He runs an exchange with each: the digits differ, and each person says no."""
    first, port = window(two[0])
    with first:
        proxy = Proxy(port, stranger.Card)
        second, _ = window(two[1], f"127.0.0.1:{proxy.port}")
        with second:
            near, far = proxy.ends()
            with near, far:
                for end in (near, far):
                    end.take_hello()
                    end.hello()
                near.reveal()
                near.take_reveal()
                far.take_reveal()
                far.reveal()
                shown = digits_of(first), digits_of(second)
                assert shown == (far.digits(), near.digits())
                assert shown[0] != shown[1]
                answer(two[0], shown[1], check=5)
                answer(two[1], shown[0], check=5)
            for stream in (first, second):
                assert not last(stream)["trusted"]


def test_man_in_the_middle_passes_messages_on(two):
    """He changes nothing: the digits would be the same, but for the connections."""
    first, port = window(two[0])
    with first:
        proxy = Proxy(port, stranger.Card)
        second, _ = window(two[1], f"127.0.0.1:{proxy.port}")
        with second:
            near, far = proxy.ends()
            with near, far:
                hello_there, hello_here = near.expect("pairHello"), far.expect("pairHello")
                near.send("pairHello", **hello_here)
                far.send("pairHello", **hello_there)
                near.send("pairReveal", **far.expect("pairReveal"))
                result = last(second)
                assert not result["trusted"] and "not its own" in result["reason"]
                far.send("pairResult", **near.expect("pairResult"))
            assert not last(first)["trusted"]


# ---- two zones, no hub ----


def at_a_table(lab, before_the_hub_is_off=lambda device, zone: None):
    """Two people at one table: a device of each one's zone, whose hub is off."""
    lan = lab.lan("table")
    devices = []
    for zone, name in zip(ZONES, ("laptop", "phone")):
        hub = lab.hub(lab.host(f"hub-{name}", lan), name=f"hub-{name}", zone=zone)
        device = lab.device(lab.host(name, lan), hub, name=name)
        device.wait_synced(1)
        before_the_hub_is_off(device, zone)
        hub.kill()
        device.own_hub = hub
        device.id = f"{zone}/{name}"
        devices.append(device)
    for device in devices:
        device.wait_state("not-connected", "connecting")
    return devices


@pytest.fixture
def table(lab):
    """Bob shares a service with Alice's zone."""
    def share(device, zone):
        if zone == ZONES[1]:
            device.pzp("share", "test", "--with", ZONES[0])
    return at_a_table(lab, share)


def test_found_on_the_local_network(table):
    """Both hubs are off. Both windows are open: they find each other, whichever dials."""
    first, second = (device.stream("pair", "--json") for device in table)
    with first, second:
        digits = digits_of(first)
        assert digits_of(second) == digits
        said = threading.Thread(target=lambda: answer(table[0], digits))
        said.start()
        answer(table[1], digits)
        said.join()
        for stream, zone in ((first, ZONES[1]), (second, ZONES[0])):
            result = last(stream)
            assert result["trusted"] and not result["remembered"]
            assert result["partner"]["zone"] == zone


def test_both_dial_each_other(table):
    """By address, at the same time: one connection is used, and costs one try."""
    first, second = (device.stream("pair", "--json", other.at.address()) for device, other in (table, table[::-1]))
    with first, second:
        assert digits_of(first) == digits_of(second)
        first.interrupt(signal.SIGINT)
        assert not last(second)["trusted"]


def pair(devices, *args, to_second=()):
    """Both windows, both yes; `args` go with both answers, `to_second` with the second one's."""
    first, second = (device.stream("pair", "--json") for device in devices)
    with first, second:
        digits = digits_of(first)
        assert digits_of(second) == digits
        said = threading.Thread(target=lambda: answer(devices[0], digits, *args))
        said.start()
        answer(devices[1], digits, *args, *to_second)
        said.join()
        results = last(first), last(second)
        assert all(result["trusted"] for result in results)
        return results


def friends(device):
    return {entry["zone"]: entry for entry in device.pzp("friends", "--json").json()}


def linked(device, other_id):
    return device.wait_status(lambda _: peers(device).get(other_id, {}).get("state") == "connected", what="linked")


def test_trusted_for_this_session(table):
    """A link comes up; what the other one may do is for the policies, by default nothing; a restart ends it."""
    a, b = table
    results = pair(table, to_second=("--remember",))
    assert friends(a)[ZONES[1]]["only"] == "phone"
    assert not any(result["remembered"] for result in results)  # only one of them wanted it
    ids = [f"{zone}/{device.name}" for zone, device in zip(ZONES, table)]
    linked(a, ids[1])
    linked(b, ids[0])
    assert a.pzp("call", f"test@{ids[1]}", "get42", '["hello"]', "--json").json() == {"result": "42 hello"}
    assert b.pzp("call", f"test@{ids[0]}", "get42", '["hello"]', check=False).code != 0
    a.stop()
    a.start()
    assert not friends(a) and friends(b)
    a.pzp("connect", ids[1], "--address", b.at.address(), check=1)


def test_remembered(table):
    """Each zone is a friend of the other's device, stored, also after a restart; until the zone is left."""
    a, b = table
    assert all(result["remembered"] for result in pair(table, "--remember"))
    for device, zone in zip(table, ZONES[::-1]):
        assert zone in friends(device)
        device.stop()
        device.start()
        entry = friends(device)[zone]
        assert entry["confirmed"]
    ids = [f"{zone}/{device.name}" for zone, device in zip(ZONES, table)]
    a.pzp("connect", ids[1], "--address", b.at.address())
    linked(b, ids[0])
    assert a.pzp("call", f"test@{ids[1]}", "get42", '["hello"]', "--json").json() == {"result": "42 hello"}
    a.pzp("leave", "--yes")
    a.wait_state("virgin")
    assert not friends(a)
    a.stop()
    a.start()
    assert not friends(a)


@pytest.mark.parametrize("result", ({"trusted": True, "remembered": False}, None))
def test_what_the_other_side_has_not_stored_is_not_remembered(table, result):
    """It says that it cannot, or is gone before it has said anything: our side has stored it for nothing."""
    device, _ = table
    with device.at.inside():
        first, port = window(device)
        with first:
            with stranger.dial(port, stranger.Card("tv", "eve@example.com"), device.at.address()) as other:
                digits = other.meet()
                said = threading.Thread(target=lambda: answer(device, digits, "--remember", check=False))
                said.start()
                assert other.expect("pairConfirm") == {"match": True, "remember": True}
                other.send("pairConfirm", match=True, remember=True)
                assert other.expect("pairResult") == {"trusted": True}
                assert not friends(device)
                if result:
                    other.send("pairResult", **result)
            end = last(first)
            said.join()
    assert end["trusted"] == bool(result) and not end["remembered"]
    assert ("other device cannot store it" if result else "is lost") in end["reason"]
    trusted = {"eve@example.com": "tv"} if result else {}
    assert {zone: entry["only"] for zone, entry in friends(device).items()} == trusted
    device.stop()
    device.start()
    assert not friends(device)


def meet(device, card, result, *args):
    """The device pairs with a program of that card, which sends this result, or hangs up before it."""
    with device.at.inside():
        first, port = window(device)
        with first:
            with stranger.dial(port, card, device.at.address()) as other:
                digits = other.meet()
                said = threading.Thread(target=lambda: answer(device, digits, *args, check=False))
                said.start()
                assert other.expect("pairConfirm")["match"]
                other.send("pairConfirm", match=True, remember="--remember" in args)
                assert other.expect("pairResult")["trusted"]
                if result:
                    other.send("pairResult", **result)
            end = last(first)
        said.join()
    assert end["trusted"] == bool(result)


def test_one_device_of_a_zone_in_a_session(table):
    """Pairing with another device of that zone takes the place of the first one (page 6)."""
    device, _ = table
    tv = stranger.Card("tv", "eve@example.com")
    for card in (tv, stranger.Card("pad", "eve@example.com", of=tv)):
        meet(device, card, {"trusted": True})
        assert friends(device)["eve@example.com"]["only"] == card.device


def test_pairing_again_that_fails_changes_nothing(table):
    """A friend that was remembered stays one, also on the disk."""
    device, _ = table
    card = stranger.Card("tv", "eve@example.com")
    meet(device, card, {"trusted": True}, "--remember")
    before = friends(device)
    meet(device, card, None, "--remember")
    device.stop()
    device.start()
    assert friends(device) == before and before["eve@example.com"]["only"] is None


def test_another_zone_of_the_same_name_is_refused(table):
    """A friend's zone by another CA: the window closes, nothing changes."""
    a, b = table
    pair(table, "--remember")
    with a.at.inside():
        first, port = window(a)
        with first, stranger.dial(port, stranger.Card("phone", ZONES[1]), a.at.address()) as other:
            other.hello()
            other.take_hello()
            result = last(first)
            assert not result["trusted"] and "another certificate authority" in result["reason"]
    assert ZONES[1] in friends(a)
    assert b.status()["pairing"] is None


def test_offered_to_the_hub(table):
    """The hubs come back: each has the friend from its device, and ends the friendship for all, for good."""
    a, b = table
    pair(table, "--remember")
    for device in table:
        device.own_hub.start()
        device.wait_state("connected")
    entry = daemon.eventually(
        lambda: {f["zone"]: f for f in a.pzp("friend", "list", "--json").json()}.get(ZONES[1]), what="friend at the hub")
    assert entry["confirmed"]
    a.pzp("friend", "remove", ZONES[1], "--yes")
    daemon.eventually(lambda: ZONES[1] not in friends(a), what="removal")
    a.stop()
    a.start()
    a.wait_state("connected")
    assert not friends(a)


def test_removed_before_the_hub_knows(table):
    """The hub is away since the pairing: the device ends it alone, and offers nothing later."""
    a, _ = table
    pair(table, "--remember")
    a.pzp("friend", "remove", ZONES[1], "--yes")
    assert not friends(a)
    a.own_hub.start()
    a.wait_state("connected")
    assert not a.pzp("friend", "list", "--json").json()
