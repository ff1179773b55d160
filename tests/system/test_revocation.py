"""A revoked device is out: everywhere, within a second, even if the hub cannot be reached; and a
list that is not of the zone changes nothing (pages 2 and 8; page 14 REV-2 to REV-4, TLS-7, TLS-8,
CERT-9)."""

import contextlib
import socket
import time

import pytest
from OpenSSL import SSL

from pz import certs, daemon, fakepeer, foreign, programs, wire
from pz.crls import crl_data, held_list, number_of
from pz.daemon import is_direct
from pz.disk import has_trace
from pz.fakehub import FakeHub

ZONE = daemon.ZONE
HERE = type("Here", (), {"inside": staticmethod(contextlib.nullcontext)})
LISTEN = ("test@tv", "listenAttr.listenFor42", '[{"repeat":true}]')
SECOND = programs.patience(1)


def is_clean(device):
    """Nothing on its disk tells of the zone, also not what it had before it was killed."""
    device.kill()
    device.start()
    assert device.status()["state"] == "virgin"
    device.stop()
    assert not has_trace(device.data_dir, ZONE, "BEGIN CERTIFICATE", "BEGIN PRIVATE KEY",
                         "BEGIN X509 CRL")
    device.start()


def is_let_in(host, identity, device, address="127.0.0.1"):
    """By the device's listener for direct links."""
    try:
        with fakepeer.connect(host, identity, address, device.status()["ports"]["tls"]):
            return True
    except (wire.Closed, OSError):
        return False


@pytest.fixture
def family(lab):
    """Home with three devices and a fourth (`stolen`, a program of another make); the hub is far."""
    lab.make_home()
    lab.stolen = fakepeer.enrol(lab.laptop, lab.pzh, "stolen")
    for one in (lab.a, lab.b, lab.c):
        one.wait_synced(4)
    return lab


def link_directly(*pairs):
    for one, other in pairs:
        one.finds(other)
        one.connect(other)
        is_direct(one, other)


@pytest.mark.smoke
def test_out_within_a_second(family):
    """At the hub and at both peers that have a direct link; calls and services end with it.
    (page 14 REV-3 and REV-8)
    """
    net = family
    link_directly((net.a, net.b), (net.c, net.b))
    old = net.pzh.devices()["tv"]["serial"]
    with net.a.stream("call", "--json", "--stream", *LISTEN) as running, \
            net.a.stream("watch", "--json") as a_sees, \
            net.c.stream("watch", "--json") as c_sees:
        running.line()
        start = time.monotonic()
        net.pzh.pzh("revoke", "tv", "--yes")
        for one in (a_sees, c_sees):
            one.until(lambda e: e["event"] == "peer" and e["name"] == "tv"
                      and e["new"] == "disconnecting")
        net.pzh.wait_log(r"device-gone device=\S*/tv", timeout=10)
        assert time.monotonic() - start < SECOND
        ended = running.end(10)
        assert ended.code == 1 and "-32001" in ended.out + ended.err
    for one in (net.a, net.c):
        assert daemon.route(one.status(), "tv") == "none"
        assert not one.services("--device", "tv")
    net.b.wait_state("virgin")
    is_clean(net.b)

    # Its name is given away while the phone has not heard of it yet (CERT-9).
    net.cut(net.phone, net.home)
    net.b.join(net.pzh)
    assert net.pzh.devices()["tv"]["serial"] != old
    net.mend(net.phone, net.home)
    net.c.finds(net.b)
    net.c.connect(net.b)
    net.c.calls(net.b)
    net.a.calls(net.b)


def test_partition(family):
    """The news reaches the house by a device that comes from far away; the hub is gone.
    (page 14 REV-7)
    """
    net = family
    link_directly((net.c, net.b))
    assert is_let_in(net.laptop, net.stolen, net.c, net.phone.address())
    net.a.pzp("disconnect")
    net.unplug(net.laptop, net.home)
    net.plug(net.laptop, net.far)
    net.uplink_cut(net.home)
    net.a.pzp("connect")
    net.a.wait_state("connected")
    for name in ("tv", "stolen"):
        net.pzh.pzh("revoke", name, "--yes")
    net.a.wait_log("crl number=3")
    net.pzh.kill()
    assert is_let_in(net.phone, net.stolen, net.c, net.phone.address())  # nobody has told
    net.c.calls(net.b)

    net.unplug(net.laptop, net.far)
    net.plug(net.laptop, net.home)
    net.a.finds(net.c)
    start = time.monotonic()
    net.a.connect(net.c)
    net.c.wait_log("crl number=3", timeout=10)
    net.c.wait_log("peer device=tv .*new=disconnecting", timeout=10)
    assert time.monotonic() - start < 2 * SECOND
    net.b.wait_state("virgin")  # it heard it, too
    is_clean(net.b)
    assert not net.c.services("--device", "tv")
    for one, host in ((net.a, net.laptop), (net.c, net.phone)):
        assert not is_let_in(net.phone, net.stolen, one, host.address())
    net.a.calls(net.c)


def test_farewell(family):
    """A device that leaves without its hub says good-bye to those that are linked with it."""
    net = family
    link_directly((net.a, net.b))
    net.pzh.kill()
    net.a.wait_state("not-connected", "connecting")
    net.b.pzp("leave", "--yes")
    net.a.wait_log("peer device=tv .*new=disconnecting .*left the zone", timeout=5)
    assert daemon.route(net.a.status(), "tv") == "none"
    assert not net.a.services("--device", "tv")
    is_clean(net.b)
    net.pzh.start()
    out = net.pzh.devices("--all")["tv"]  # the owner has not heard of it
    assert (out["connected"], out["revoked"], out["reason"]) == (False, None, "")


# ---- what is no list of this zone, or not the newest ----

def forged(**more):
    return certs.pem(certs.Authority(ZONE).crl(9, **more))


def truncated(pem):
    return pem[:len(pem) // 2]


def is_alive(link, me, other):
    link.send(wire.prop(me, "probe", to=other))
    link.expect(lambda m: wire.is_prop(m, "keepAlive"))


def refusals(one):
    """All of them; the log has one line a second at most."""
    return one.status()["metrics"]["messages_dropped"]


@pytest.mark.parametrize("to_hub", [True, False], ids=["to the hub", "to a peer"])
def test_bad_lists_of_a_member(zone, to_hub):
    """One line each, nothing changes, the link stays."""
    me = foreign.join(zone.hub, "evil")
    with me.connect("127.0.0.1", zone.hub.port) as hub_link, contextlib.ExitStack() as ends:
        target, link, to = zone.hub, hub_link, ZONE
        if not to_hub:
            target, to = zone.a, f"{ZONE}/laptop"
            link = ends.enter_context(fakepeer.connect(HERE, me, "127.0.0.1",
                                                       zone.a.status()["ports"]["tls"]))
        stale = held_list(link, me.address, to)
        zone.hub.pzh("revoke", "tv", "--yes")
        zone.a.wait_log("crl number=2")
        newest = held_list(link, me.address, to)
        assert (number_of(stale), number_of(newest)) == (1, 2)
        before = refusals(target)
        for bad in (forged(), truncated(newest), "-----BEGIN X509 CRL-----\n", ""):
            link.send(crl_data(me.address, to, bad))
            is_alive(link, me.address, to)
            before += 1
            assert refusals(target) == before, repr(bad)
        target.wait_log("sync-refused .*item=crl .*CRL not signed by this CA")
        seen = len(target.lines)
        link.send(crl_data(me.address, to, stale))
        target.wait_log("crl-older .*number=1 here=2", start=seen)
        # That of a friend would come so; of a zone that is no friend it is left out without a word.
        link.send(crl_data(me.address, to, newest, key="bob@example.org"))
        is_alive(link, me.address, to)
        assert refusals(target) == before
        assert held_list(link, me.address, to) == newest
    zone.b.join(zone.hub)
    zone.serves()


def test_bad_lists_of_a_hub(world):
    """A hub that shows an older list is seen through, and shown in status as long as it is so."""
    device = world.device("laptop")
    with FakeHub(ZONE) as hub:
        device.pzp("enrol", hub.link)
        _, link = hub.next_link()
        me = f"{ZONE}/laptop"

        def give(pem):
            seen = len(device.lines)
            link.send(crl_data(ZONE, me, pem, "Sync_Data"))
            is_alive(link, ZONE, me)
            return seen

        stolen = certs.make("thief", certs.new_key(), hub.authority.ca)
        five = certs.pem(hub.authority.crl(5, [stolen.serial_number]))
        give(five)
        device.wait_log("crl number=5")
        assert device.status()["warnings"] == []
        before = refusals(device)
        for count, bad in enumerate((forged(), truncated(five)), 1):
            give(bad)
            assert refusals(device) == before + count
        device.wait_log("sync-refused item=crl .*CRL not signed by this CA")
        seen = give(certs.pem(hub.authority.crl(3)))
        device.wait_log("WARNING hub-list-older .*number 3, here is 5", start=seen)
        (warning,) = [one for one in device.status()["warnings"] if "older" in one]
        assert "the hub shows an older revocation list (number 3, here is 5)" in warning
        assert warning in device.pzp("status").out
        told = link.expect(lambda m: wire.is_prop(m, "Update_Data")
                           and "crl" in m["payload"]["message"])
        assert number_of(told["payload"]["message"]["crl"][0]["value"]) == 5
        seen = give(certs.pem(hub.authority.crl(3)))  # once in a while is enough
        assert not [line for line in device.lines[seen:] if "hub-list-older" in line]
        give(certs.pem(hub.authority.crl(6, [stolen.serial_number])))
        device.wait_log("crl number=6")
        assert device.status()["warnings"] == []
        assert device.status()["state"] == "connected"


# ---- TLS sessions ----

def tls_to(me, port, secret=None, session=None):
    """Handshake, and whatever comes until the other end has said its first."""
    stream = foreign.OpenSslStream(socket.create_connection(("127.0.0.1", port), 10),
                                   fakepeer._context(me), foreign.sni(ZONE, "127.0.0.1"), secret)
    if session:
        stream.tls.set_session(session)
    link = fakepeer._shake(stream)
    link.send(me.register_message())
    link.receive()
    return link


@pytest.mark.parametrize("to_hub", [True, False], ids=["hub", "peer"])
def test_sessions_are_not_resumed(zone, to_hub):
    me = foreign.join(zone.hub, "stolen")
    port = zone.hub.port if to_hub else zone.a.status()["ports"]["tls"]
    secret = None if to_hub else me.secret
    with tls_to(me, port, secret) as first:
        session = first.stream.tls.get_session()
        assert not SSL._lib.SSL_SESSION_has_ticket(session._session)
    with tls_to(me, port, secret, session) as again:
        assert not SSL._lib.SSL_session_reused(again.stream.tls._ssl)
    zone.hub.pzh("revoke", "stolen", "--yes")
    zone.a.wait_log("crl number=2")
    with pytest.raises((OSError, wire.Closed)):
        tls_to(me, port, secret, session).close()
    zone.serves()
