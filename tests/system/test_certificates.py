"""
Page 2, "What a verifier checks": what a hub and a device refuse, before anything passes.
(page 14 TLS-1, TLS-3, TLS-4, TLS-5, TLS-8, CERT-3, CERT-4)
"""

import datetime
import socket
import ssl

import pytest

from pz import certs, daemon, fakehub, foreign, wire
from cryptography.hazmat.primitives import hashes

ZONE = daemon.ZONE


@pytest.fixture(scope="module")
def two(shared_zone):
    """Two enrolled foreign devices whose keys we hold."""
    return foreign.join(shared_zone.hub, "mallory"), foreign.join(shared_zone.hub, "victim")


def refused(hub, identity, **bent):
    """Dials; whatever a hub may say to it, it is not registered and the link ends."""
    try:
        link = identity.dial("127.0.0.1", hub.port, **bent)
    except OSError:
        return []
    with link:
        try:
            link.send(identity.register_message())
        except OSError:
            pass
        messages = link.until_closed()
    for message in messages:
        assert not message.get("register"), messages
        assert message["type"] == "prop", messages
        assert message["payload"]["status"] in ("revoked", "bye", "error"), messages
    return messages


def leaf(identity, **bent):
    """A chain with a bent PZP TLS certificate, and its key."""
    key = bent.pop("key", None)
    cert, key = certs.device_leaf(identity.zone, identity.device, bent.pop("issuer", identity.ca),
                                  key=key, **bent)
    return {"chain": [cert, identity.ca.cert], "key": key}


def make_cases():
    def own_ca(me, other):
        authority = certs.Authority(ZONE)
        ca = authority.device(me.device)
        cert, key = certs.device_leaf(ZONE, me.device, ca)
        return {"chain": [cert, ca.cert], "key": key}

    def with_own_root(me, other):
        authority = certs.Authority(ZONE)
        ca = authority.device(me.device)
        cert, key = certs.device_leaf(ZONE, me.device, ca)
        return {"chain": [cert, ca.cert, authority.ca.cert], "key": key}

    def self_signed(me, other):
        key = certs.new_key()
        return {"chain": [certs.make(me.device, key, uri=certs.identity_uri(ZONE, me.device))],
                "key": key}

    def other_device(me, other):
        return leaf(me, uri=certs.identity_uri(ZONE, other.device))

    def ca_as_leaf(me, other):
        return {"chain": [me.ca.cert], "key": me.ca.key}

    def below_the_leaf(me, other):
        """A leaf that plays a CA: pathlen 0 of the PZP CA forbids it."""
        middle = certs.Issuer(certs.make("middle", me.leaf_key, me.ca, ca=True, pathlen=0,
                                         uri=certs.identity_uri(ZONE, other.device)), me.leaf_key)
        cert, key = certs.device_leaf(ZONE, other.device, middle)
        return {"chain": [cert, middle.cert, me.ca.cert], "key": key}

    def not_the_key(me, other):
        """The victim's public certificates, without its key, signed anew by our CA key."""
        forger = certs.Issuer(other.ca.cert, me.ca.key)
        cert, key = certs.device_leaf(ZONE, other.device, forger)
        return {"chain": [cert, other.ca.cert], "key": key}

    return {
        "no certificate": lambda me, other: {"chain": []},
        "another CA": own_ca,
        "another CA, with its root": with_own_root,
        "self-signed": self_signed,
        "expired": lambda me, other: leaf(me, start=-100, days=90),
        "not yet valid": lambda me, other: leaf(me, start=2, days=90),
        "another device's name": other_device,
        "the hub's name": lambda me, other: leaf(me, uri=certs.identity_uri(ZONE)),
        "another zone's name": lambda me, other: leaf(
            me, uri=certs.identity_uri("eve@example.org", me.device)),
        "no name": lambda me, other: leaf(me, uri=None),
        "RSA 1024": lambda me, other: dict(leaf(me, key=certs.new_key("rsa1024")), weak=True),
        "EC P-192": lambda me, other: dict(leaf(me, key=certs.new_key("ec-p192")), weak=True),
        "not for clients": lambda me, other: leaf(me, client=False),
        "a CA as leaf": lambda me, other: leaf(me, ca=True),
        "PZP CA itself": ca_as_leaf,
        "SHA-1": lambda me, other: dict(leaf(me, digest=hashes.SHA1()), weak=True),
        "one CA too many": below_the_leaf,
        "another device's CA": not_the_key,
        "without its CA": lambda me, other: {"chain": [me.leaf], "key": me.leaf_key},
    }


CASES = make_cases()


@pytest.mark.parametrize("what", CASES)
def test_hub_refuses(shared_zone, two, what):
    """page 14 TLS-2."""
    me, other = two
    bent = CASES[what](me, other)
    if what == "no name":
        bent["chain"][0], bent["key"] = certs.device_leaf(ZONE, me.device, me.ca, uri=None)
    refused(shared_zone.hub, me, **bent)
    shared_zone.serves()


def test_hub_accepts_what_is_right(shared_zone, two):
    """The control group: the same code with a right chain is let in; also RSA, also without ALPN."""
    me, _ = two
    me.connect("127.0.0.1", shared_zone.hub.port).close()
    me.connect("127.0.0.1", shared_zone.hub.port, **leaf(me, key=certs.new_key("rsa2048"))).close()
    me.connect("127.0.0.1", shared_zone.hub.port, alpn=None).close()


def test_revoked(zone):
    me = foreign.join(zone.hub, "stolen")
    with me.connect("127.0.0.1", zone.hub.port) as link:
        zone.hub.pzh("revoke", "stolen", "--yes")
        messages = link.until_closed()
        assert any(wire.is_prop(m, "revoked") for m in messages), messages
    refused(zone.hub, me)
    zone.hub.kill()  # the answer of `pzh revoke` was a promise
    zone.hub.start()
    refused(zone.hub, me)
    again = foreign.join(zone.hub, "stolen")  # the name is free for another key
    again.connect("127.0.0.1", zone.hub.port).close()
    refused(zone.hub, me)


def test_register_as_somebody_else(shared_zone, two):
    """The certificate says who it is, not the message (page 4, a link's life)."""
    me, other = two
    for bent in ({"from": other.address}, {"from": ZONE}, {"register": False}, {"from": "mallory"}):
        with me.dial("127.0.0.1", shared_zone.hub.port) as link:
            link.send({**me.register_message(), **bent})
            messages = link.until_closed()
            assert not any(wire.is_prop(m, "Update") for m in messages), messages
    shared_zone.serves()


def test_protocol_versions(shared_zone, two):
    me, _ = two
    with socket.create_connection(("127.0.0.1", shared_zone.hub.port), 10) as sock:
        with me.context().wrap_socket(sock, server_hostname=foreign.sni(ZONE, "127.0.0.1")) as tls:
            assert tls.version() == "TLSv1.3"


@pytest.mark.parametrize("name", [None, "hub.example.org", "0123456789abcdef0123.pz.invalid"],
                         ids=["none", "the host's", "an unknown tag"])
def test_a_scan_sees_no_certificate(shared_zone, name):
    """Page 2: a certificate, with the zone's name in it, only for the tag of a zone of this hub."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", shared_zone.hub.port), 10) as sock:
        with pytest.raises(ssl.SSLError, match="(?i)unrecognized.name"):
            context.wrap_socket(sock, server_hostname=name)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2],
                         ids=["TLS 1.1", "TLS 1.2"])
@pytest.mark.parametrize("to_hub", [True, False], ids=["hub", "peer"])
def test_old_protocols_are_refused(shared_zone, two, to_hub, version):
    me, _ = two
    context = me.context(weak=True)
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = version
    port = shared_zone.hub.port if to_hub else shared_zone.a.status()["ports"]["tls"]
    with socket.create_connection(("127.0.0.1", port), 10) as sock:
        with pytest.raises(OSError):
            context.wrap_socket(sock, server_hostname=foreign.sni(ZONE, "127.0.0.1"))


def test_no_session_tickets(shared_zone, two):
    """A resumed session would skip the verification of a revoked peer (page 2)."""
    me, _ = two
    with me.connect("127.0.0.1", shared_zone.hub.port) as link:
        session = link.stream.session
        assert session is None or not session.has_ticket


def test_plain_text(shared_zone):
    """No TLS at all."""
    with socket.create_connection(("127.0.0.1", shared_zone.hub.port), 10) as sock:
        sock.settimeout(20)
        sock.sendall(wire.frame({"type": "JSONRPC", "register": True, "from": f"{ZONE}/tv",
                                 "to": ZONE, "payload": None}))
        try:
            answer = sock.recv(65536)
        except ConnectionError:
            answer = b""
        assert b"{" not in answer
    shared_zone.serves()


# ---- a device's own checks ----

def test_device_refuses_a_hub_with_another_ca(world):
    """After enrolment, somebody answers at the hub's address with a CA of his own."""
    device = world.device("laptop")
    with fakehub.FakeHub(ZONE) as hub:
        device.pzp("enrol", hub.link, "--device", "laptop")
        hub.next_link()
        device.wait_state("connected")
        port = hub.port
    device.wait_state("not-connected")
    heard = []

    def script(hub, link, is_enrolment):
        heard.append(link.receive(10))

    with fakehub.FakeHub(ZONE, port=port, script=script):
        device.pzp("connect", check=False)
        status = device.wait_status(lambda s: s["state"] == "not-connected" and s["reason"]
                                    and "refused" not in s["reason"], what="refusal")
        assert any(word in status["reason"] for word in ("certificate", "chain", "trust", "identity"))
    assert not heard, "the device spoke to a hub that it cannot trust"


WRONG_HUBS = {
    "a device": lambda a: certs.device_leaf(ZONE, "tv", a.device("tv")),
    "expired": lambda a: (certs.make(a.host, a.tls_key, a.ca, uri=certs.identity_uri(ZONE),
                                     hosts=[a.host], start=-400, days=397), a.tls_key),
    "not for servers": lambda a: (certs.make(a.host, a.tls_key, a.ca, uri=certs.identity_uri(ZONE),
                                             hosts=[a.host], server=False), a.tls_key),
    "another zone": lambda a: (certs.make(a.host, a.tls_key, a.ca,
                                          uri=certs.identity_uri("eve@example.org"),
                                          hosts=[a.host]), a.tls_key),
}


@pytest.mark.parametrize("what", WRONG_HUBS)
def test_device_refuses_hub_certificates(world, what):
    """Rule 5: an outgoing link expects the zone's hub and nobody else, even of the right CA."""
    device = world.device("laptop")
    authority = certs.Authority(ZONE)
    with fakehub.FakeHub(ZONE, authority=authority) as hub:
        device.pzp("enrol", hub.link, "--device", "laptop")
        hub.next_link()
        device.wait_state("connected")
        port = hub.port
    device.wait_state("not-connected")
    shown = certs.Authority.__new__(certs.Authority)
    shown.tls, shown.tls_key = WRONG_HUBS[what](authority)
    heard = []

    def script(hub, link, is_enrolment):
        heard.append(link.receive(10))

    with fakehub.FakeHub(ZONE, port=port, authority=authority, shown=shown, script=script):
        device.pzp("connect", check=False)
        device.wait_status(lambda s: s["state"] == "not-connected" and s["reason"]
                           and "refused" not in s["reason"], what="refusal")
    assert not heard


# ---- what the programs make ----

def test_certificates_are_as_page_2_says(shared_zone, two):
    """page 14 CERT-8."""
    me, _ = two
    ca, master = me.ca.cert, me.master
    assert [a.value for a in master.subject] == [f"Pzh:127.0.0.1:{ZONE}"]
    assert certs.uris(master) == [f"pz:{ZONE}"] and certs.uris(ca) == [f"pz:{ZONE}/mallory"]
    assert [a.value for a in ca.subject] == [f"Pzp:{ZONE}:mallory"[:64]]
    for cert, pathlen, years in ((master, 1, 20), (ca, 0, 10)):
        basic = cert.extensions.get_extension_for_class(certs.x509.BasicConstraints)
        assert basic.critical and basic.value.ca and basic.value.path_length == pathlen
        usage = cert.extensions.get_extension_for_class(certs.x509.KeyUsage).value
        assert usage.key_cert_sign and usage.crl_sign is (pathlen == 1)
        assert not usage.digital_signature
        life = cert.not_valid_after - cert.not_valid_before
        assert abs(life - datetime.timedelta(days=365.25 * years)) < datetime.timedelta(days=8)
        assert cert.serial_number.bit_length() > 64
        assert isinstance(cert.signature_hash_algorithm, (hashes.SHA256, hashes.SHA384))
    with me.dial("127.0.0.1", shared_zone.hub.port) as link:
        shown = certs.x509.load_der_x509_certificate(link.stream.getpeercert(True))
    assert certs.uris(shown) == [f"pz:{ZONE}"]
    life = shown.not_valid_after - shown.not_valid_before
    assert abs(life - datetime.timedelta(days=397)) < datetime.timedelta(days=1)
    skew = datetime.datetime.utcnow() - shown.not_valid_before
    assert skew >= datetime.timedelta(minutes=4, seconds=55)
    eku = shown.extensions.get_extension_for_class(certs.x509.ExtendedKeyUsage).value
    assert {e._name for e in eku} == {"serverAuth", "clientAuth"}


def test_a_device_makes_its_own_tls_certificate(world):
    device = world.device("laptop")
    with fakehub.FakeHub(ZONE) as hub:
        device.pzp("enrol", hub.link, "--device", "laptop")
        _, link = hub.next_link()
        shown = link.stream.tls.get_peer_certificate().to_cryptography()
        ca = link.stream.tls.get_peer_cert_chain()[0].to_cryptography()  # a server's: without the leaf
        assert certs.uris(shown) == certs.uris(ca) == [f"pz:{ZONE}/laptop"]
        assert ca == hub.enrolled["laptop"]
        life = shown.not_valid_after - shown.not_valid_before
        assert abs(life - datetime.timedelta(days=90)) < datetime.timedelta(days=1)
        assert shown.public_key().public_numbers() != ca.public_key().public_numbers()
        device.stop()
