"""Enrolment seen from outside (page 3): a device that is written from the page alone, and every
refusal. (page 14 ENR-1, ENR-2, ENR-3, ENR-4, ENR-5, ENR-9, ENR-11, ENR-13)"""

import base64
import concurrent.futures
import time

import pytest

from pz import certs, cpace, daemon, fakehub, foreign, wire

ZONE = daemon.ZONE


@pytest.mark.smoke
def test_foreign_device_enrols_and_calls(shared_zone):
    identity = foreign.join(shared_zone.hub, "foreign")
    with identity.connect("127.0.0.1", shared_zone.hub.port) as link:
        answer = identity.call(link, f"{ZONE}/tv", params=("from afar",))
        assert answer["result"] == "42 from afar", answer
    devices = shared_zone.hub.devices()
    assert devices["foreign"]["displayName"] == "Foreign foreign"
    assert devices["foreign"]["deviceType"] == "test"


def test_foreign_device_serves(shared_zone):
    identity = foreign.join(shared_zone.hub, "provider")
    with identity.connect("127.0.0.1", shared_zone.hub.port) as link:
        identity.announce(link, foreign.descriptor(identity.address))
        daemon.eventually(lambda: shared_zone.a.services("--device", "provider"), what="service")
        with concurrent.futures.ThreadPoolExecutor() as pool:
            call = pool.submit(shared_zone.a.call, "test@provider", "get42", '["you"]')
            request = identity.serve_one(link, "made in Python")
            assert call.result().json() == {"result": "made in Python"}
        assert request["from"].startswith(f"{ZONE}/laptop")
        assert request["payload"]["params"] == ["you"]


def test_device_enrols_at_foreign_hub(world):
    """The same page from the other side: our device at a hub that is not ours."""
    device = world.device("laptop")
    with fakehub.FakeHub(ZONE) as hub:
        device.pzp("enrol", hub.link, "--device", "laptop")
        address, _ = hub.next_link()
        assert address == f"{ZONE}/laptop"
        device.wait_state("connected")
        device.stop()


# ---- codes ----

def refusal(hub, device, code, zone=ZONE):
    with pytest.raises(foreign.Refused) as refused:
        foreign.enrol("127.0.0.1", hub.port, zone, device, code)
    return str(refused.value)


def wrong(code):
    return code[:-1] + ("0" if code[-1] != "0" else "1")


def test_wrong_code(zone, world):
    """page 14 ENR-7."""
    device = world.device("third")
    token = zone.hub.token()
    result = device.pzp("enrol", f"127.0.0.1:{zone.hub.port}", "--zone", ZONE, "--device", "third",
                        "--code", wrong(token["code"]), check=1)
    assert "code" in result.reason()
    status = device.status()
    assert (status["mode"], status["state"]) == ("virgin", "virgin") and "code" in status["reason"]
    assert "third" not in zone.hub.devices()
    device.pzp("enrol", token["link"], "--device", "third")  # the right one still counts
    device.wait_state("connected")
    zone.serves()


def test_six_wrong_codes(zone):
    """The sixth attempt of an address waits, even with the right code; and the owner is told."""
    token = zone.hub.token()
    assert "failedAttempts" not in token and "replaced" not in token
    for _ in range(5):
        with pytest.raises(foreign.WrongHub):
            foreign.enrol("127.0.0.1", zone.hub.port, ZONE, "guesser", wrong(token["code"]))
    assert_dead(zone.hub, "guesser", token["code"], "attempts")
    assert "guesser" not in zone.hub.devices()
    told, = [c for c in zone.hub.status()["conditions"] if c["id"] == "enrol-failed"]
    assert told["subject"] == ZONE and "127.0.0.1" in told["text"] and "guesser" in told["text"]
    token = zone.hub.token()
    assert token["failedAttempts"] == 6 and token["replaced"] is True
    assert "another machine is guessing" in zone.hub.pzh("token").out
    zone.serves()


def test_codes_for_named_devices(zone):
    """They live beside each other and beside the one for any device; a second one ends the first."""
    tokens = {name: zone.hub.token("--device", name)["code"] for name in ("radio", "lamp")}
    former, code = zone.hub.token()["code"], zone.hub.token()
    assert code["replaced"] is True
    for name, one in tokens.items():
        foreign.enrol("127.0.0.1", zone.hub.port, ZONE, name, one)
    with pytest.raises(foreign.WrongHub):
        foreign.enrol("127.0.0.1", zone.hub.port, ZONE, "clock", former)
    foreign.enrol("127.0.0.1", zone.hub.port, ZONE, "clock", code["code"])
    assert {"radio", "lamp", "clock"} <= set(zone.hub.devices())


def assert_dead(hub, device, code, *reasons):
    """A code that counts no more: enrolError with the reason, or no handshake at all (no live code)."""
    try:
        foreign.enrol("127.0.0.1", hub.port, ZONE, device, code)
    except foreign.Refused as refused:
        assert str(refused) in reasons, refused
    except (ConnectionError, wire.Closed):
        pass
    else:
        raise AssertionError("a dead code was accepted")


def test_used_code(zone, world):
    token = zone.hub.token()
    foreign.enrol("127.0.0.1", zone.hub.port, ZONE, "first", token["code"])
    assert_dead(zone.hub, "second", token["code"], "expired", "badCode", "attempts")
    device = world.device("second")
    result = device.pzp("enrol", token["link"], "--device", "second", check=1)
    assert result.reason()
    assert set(zone.hub.devices()) == {"laptop", "tv", "first"}


def test_expired_code(zone):
    token = zone.hub.token("--ttl", "1")
    enrolment = foreign.Enrolment("127.0.0.1", zone.hub.port, ZONE, "late", token["code"])
    with enrolment:
        daemon.eventually(lambda: time.time() > token["expires"] + 1, what="expiry")
        with pytest.raises(foreign.Refused, match="expired"):
            enrolment.hello()
    assert_dead(zone.hub, "late", token["code"], "expired")


def test_code_that_expires_midway(zone):
    token = zone.hub.token("--ttl", "1")
    with foreign.Enrolment("127.0.0.1", zone.hub.port, ZONE, "late", token["code"]) as enrolment:
        enrolment.hello()
        daemon.eventually(lambda: time.time() > token["expires"] + 1, what="expiry")
        with pytest.raises(foreign.Refused, match="expired"):
            enrolment.request()
    assert "late" not in zone.hub.devices()


def test_new_code_cancels_the_old_one(zone):
    old, new = zone.hub.token(), zone.hub.token()
    with pytest.raises(foreign.WrongHub):
        foreign.enrol("127.0.0.1", zone.hub.port, ZONE, "x", old["code"])
    foreign.enrol("127.0.0.1", zone.hub.port, ZONE, "x", new["code"])


def conditions(hub):
    return [one["id"] for one in hub.status()["conditions"]]


def test_a_flood_of_enrolments_is_slowed_and_shown(world):
    """page 14 CERT-7: 20 in a minute are more than the hub does at once; the limit is small here, to be met soon."""
    hub = world.hub("--limits-signatures", 8)
    names = [f"device-{number}" for number in range(40)]
    for name in names:
        foreign.enrol("127.0.0.1", hub.port, ZONE, name, hub.token("--device", name)["code"])
        if "authority-busy" in conditions(hub):
            break
    hub.wait_log(rf"request-slowed .*device={name} has to wait")
    assert name in hub.devices() and name not in names[:8], "it was slowed, and enrolled all the same"


def test_what_would_wait_too_long_is_refused(world):
    hub = world.hub("--limits-signatures", 2)
    codes = {name: hub.token("--device", name)["code"] for name in ("one", "two", "three")}
    for name in ("one", "two"):
        foreign.enrol("127.0.0.1", hub.port, ZONE, name, codes[name])
    assert refusal(hub, "three", codes["three"]) == "busy"
    device = world.device("three")
    result = device.pzp("enrol", f"127.0.0.1:{hub.port}", "--zone", ZONE, "--code", codes["three"],
                        "--device", "three", check=False)
    assert result.code == 1 and "wait a minute and try again with the same code" in result.reason()
    assert "authority-busy" in conditions(hub) and set(hub.devices()) == {"one", "two"}


def test_code_for_one_device(zone):
    token = zone.hub.token("--device", "kitchen")
    assert refusal(zone.hub, "garden", token["code"]) == "badCode"
    foreign.enrol("127.0.0.1", zone.hub.port, ZONE, "kitchen", token["code"])


def test_no_code_no_connection(zone, world):
    with pytest.raises((ConnectionError, wire.Closed)):
        foreign.enrol("127.0.0.1", zone.hub.port, ZONE, "x", "12345678")
    device = world.device("third")
    result = device.pzp("enrol", f"127.0.0.1:{zone.hub.port}", "--zone", ZONE, "--code",
                        "1234-5678", check=1)
    assert result.reason()
    zone.serves()


def test_restart_cancels_the_code(zone):
    token = zone.hub.token()
    zone.hub.kill()
    zone.hub.start()
    with pytest.raises((ConnectionError, wire.Closed)):
        foreign.enrol("127.0.0.1", zone.hub.port, ZONE, "x", token["code"])


def test_codes_are_not_logged(zone, world):
    """page 14 AUTH-9."""
    token = zone.hub.token()
    zone.world.device("third").pzp("enrol", token["link"], "--device", "third")
    zone.a.wait_state("connected")
    for text in (token["code"], token["code"].replace("-", "")):
        for one in zone.world.daemons:
            assert text not in one.log(), one.name


# ---- names, requests ----

def test_taken_name(zone, world):
    token = zone.hub.token()
    assert refusal(zone.hub, "tv", token["code"]) == "nameTaken"
    token = zone.hub.token()
    imposter = world.device("tv2")
    result = imposter.pzp("enrol", token["link"], "--device", "tv", check=1)
    assert "name" in result.reason() or "tv" in result.reason()
    assert imposter.status()["state"] == "virgin"
    zone.serves()


CSRS = {
    "another device": lambda e: certs.make_csr(certs.ca_name(ZONE, "tv"),
                                               certs.identity_uri(ZONE, "tv"), e.key),
    "another SAN": lambda e: certs.make_csr(certs.ca_name(ZONE, e.device),
                                            certs.identity_uri(ZONE, "tv"), e.key),
    "another zone": lambda e: certs.make_csr(certs.ca_name("eve@example.org", e.device),
                                             certs.identity_uri("eve@example.org", e.device), e.key),
    "the hub itself": lambda e: certs.make_csr(certs.ca_name(ZONE, e.device),
                                               certs.identity_uri(ZONE), e.key),
    "no SAN": lambda e: certs.make_csr(certs.ca_name(ZONE, e.device), None, e.key),
    "another subject": lambda e: certs.make_csr("Pzh:127.0.0.1:alice@example.org",
                                                certs.identity_uri(ZONE, e.device), e.key),
    "RSA 1024": lambda e: certs.make_csr(certs.ca_name(ZONE, e.device),
                                         certs.identity_uri(ZONE, e.device), certs.new_key("rsa1024")),
    "EC P-192": lambda e: certs.make_csr(certs.ca_name(ZONE, e.device),
                                         certs.identity_uri(ZONE, e.device), certs.new_key("ec-p192")),
    "not PEM": lambda e: "hello",
    "forged signature": lambda e: flip_signature(e.csr),
}


def flip_signature(csr):
    """One bit of the signature, near the end of the DER."""
    head, *lines, tail = csr.strip().splitlines()
    der = bytearray(base64.b64decode("".join(lines)))
    der[-1] ^= 1
    body = base64.encodebytes(bytes(der)).decode()
    return f"{head}\n{body}{tail}\n"


@pytest.mark.parametrize("what", CSRS)
def test_csr_with_another_subject(shared_zone, what):
    token = shared_zone.hub.token()
    with foreign.Enrolment("127.0.0.1", shared_zone.hub.port, ZONE, "bent", token["code"]) as e:
        e.hello()
        e.csr = CSRS[what](e)
        with pytest.raises(foreign.Refused, match="badRequest"):
            e.request()
        e.link.until_closed()
    assert "bent" not in shared_zone.hub.devices()


def test_device_without_the_code_gets_nothing(shared_zone):
    """A right tag B shows what the hub knows; only a right tag A gets a certificate."""
    token = shared_zone.hub.token()
    with foreign.Enrolment("127.0.0.1", shared_zone.hub.port, ZONE, "x", token["code"]) as e:
        e.hello()
        with pytest.raises(foreign.Refused, match="badCode"):
            e.request(tag=bytes(64))


HELLOS = {
    "zone of nobody": {"zone": "nobody@example.org"},
    "bad device name": {"device": "../tv"},
    "empty device name": {"device": ""},
    "long device name": {"device": "x" * 64},
    "control characters": {"displayName": "a\u001b[2Jb"},
    "long display name": {"displayName": "x" * 129},
    "no share": {"share": ""},
    "short share": {"share": base64.b64encode(b"x" * 31).decode()},
    "neutral element": {"share": base64.b64encode(bytes(32)).decode()},
    "no point": {"share": base64.b64encode(b"\xff" * 32).decode()},
    "not base64": {"share": "%%%"},
    "a number": {"share": 7},
    "an object": {"device": {}},
}


@pytest.mark.parametrize("what", HELLOS)
def test_malformed_hello(shared_zone, what):
    token = shared_zone.hub.token()
    with foreign.Enrolment("127.0.0.1", shared_zone.hub.port, ZONE, "bent", token["code"]) as e:
        with pytest.raises((foreign.Refused, wire.Closed)):
            e.hello(**HELLOS[what])
        e.link.until_closed()
    shared_zone.serves()


@pytest.mark.parametrize("message", [
    {"type": "JSONRPC", "from": "x", "to": f"{ZONE}/tv", "id": 1,
     "payload": wire.request(foreign.TEST_METHOD, [])},
    wire.prop("x", "findServices", {"id": 1}, to=ZONE),
    wire.prop("x", "enrollPzp", {"csr": "", "confirm": ""}, to=ZONE),
    wire.prop("x", "leave", {}, to=ZONE),
    {"type": "JSONRPC", "register": True, "from": f"{ZONE}/tv", "to": ZONE, "payload": None},
], ids=["call", "findServices", "enrollPzp first", "leave", "register"])
def test_only_enrolment_is_spoken(shared_zone, message):
    """A link that has proved nothing may send the messages of page 3 only."""
    token = shared_zone.hub.token()
    with foreign.Enrolment("127.0.0.1", shared_zone.hub.port, ZONE, "x", token["code"]) as e:
        e.link.send(message)
        for answer in e.link.until_closed():
            assert wire.is_prop(answer, "enrolError") or wire.is_prop(answer, "bye"), answer
    shared_zone.serves()


def test_long_frame_while_enrolling(shared_zone):
    token = shared_zone.hub.token()
    with foreign.Enrolment("127.0.0.1", shared_zone.hub.port, ZONE, "x", token["code"]) as e:
        try:
            e.link.send_raw((64 * 1024 + 1).to_bytes(4, "little") + b"{" * 70000)
        except OSError:
            pass
        e.link.until_closed()
    shared_zone.serves()


def test_lost_connection_leaves_the_name_free(zone):
    """Wherever the connection breaks, asking again with a new code works (page 3)."""
    token = zone.hub.token()
    with foreign.Enrolment("127.0.0.1", zone.hub.port, ZONE, "shaky", token["code"]) as e:
        e.hello()
    token = zone.hub.token()
    with foreign.Enrolment("127.0.0.1", zone.hub.port, ZONE, "shaky", token["code"]) as e:
        e.hello()
        e.send("enrollPzp", {"csr": e.csr, "confirm": foreign._b64(e.exchange.tag_a(e.csr.encode()))})
    # Signed at the hub perhaps, never received by the device.
    identity = foreign.join(zone.hub, "shaky")
    identity.connect("127.0.0.1", zone.hub.port).close()


def test_two_enrolments_at_once(zone):
    """One code lets in one device."""
    token = zone.hub.token()
    first = foreign.Enrolment("127.0.0.1", zone.hub.port, ZONE, "one", token["code"])
    second = foreign.Enrolment("127.0.0.1", zone.hub.port, ZONE, "two", token["code"])
    with first, second:
        first.hello()
        second.hello()
        first.request()
        with pytest.raises((foreign.Refused, wire.Closed)):
            second.request()
    assert "two" not in zone.hub.devices()


# ---- hubs that are not what they say ----

def refused_by_device(world, hub, *words, name="laptop"):
    device = world.device(name)
    result = device.pzp("enrol", hub.link, "--device", name, check=1)
    reason = result.reason().lower()
    assert any(word in reason for word in words), reason
    status = device.status()
    assert (status["mode"], status["state"]) == ("virgin", "virgin") and status["reason"]
    device.stop()
    device.start()
    assert device.status()["state"] == "virgin"


def test_hub_that_does_not_know_the_code(world):
    def script(hub, link, is_enrolment):
        hub.enrol(link, code="00000000")  # ends with wire.Closed: the device hangs up before tag A

    with fakehub.FakeHub(ZONE, script=script) as hub:
        refused_by_device(world, hub, "code")
        assert not hub.enrolled


def test_hub_shows_another_ca(world):
    """The certificate of the connection does not chain to masterCert: somebody sits in between."""
    with fakehub.FakeHub(ZONE, shown=certs.Authority(ZONE)) as hub:
        refused_by_device(world, hub, "certificate", "hub")


def test_relayed_exchange(world, zone):
    """Somebody in the middle, who passes the messages on, cannot use the real hub's answers.
    (page 14 TLS-6)
    """
    token = zone.hub.token()

    def script(fake, link, is_enrolment):
        with foreign.Enrolment("127.0.0.1", zone.hub.port, ZONE, "relayed", "0") as upstream:
            upstream.link.send(link.receive())
            link.send(upstream.link.receive())
            link.until_closed()

    with fakehub.FakeHub(ZONE, code=token["code"], script=script) as hub:
        refused_by_device(world, hub, "code", name="relayed")
    assert "relayed" not in zone.hub.devices()


BENT = {
    "certificate for another key": lambda hub, csr: hub.authority.sign_device(
        "laptop", certs.new_key()),
    "certificate for another device": lambda hub, csr: hub.authority.sign_device(
        "tv", csr, uri=certs.identity_uri(ZONE, "tv")),
    "certificate of another authority": lambda hub, csr: certs.Authority(ZONE).sign_device(
        "laptop", csr),
}


@pytest.mark.parametrize("what", BENT)
def test_hub_sends_a_wrong_certificate(world, what):
    def script(hub, link, is_enrolment):
        hub.enrol(link, certificate=lambda csr: BENT[what](hub, csr))

    with fakehub.FakeHub(ZONE, script=script) as hub:
        refused_by_device(world, hub, "certificate", "chain", "key", "identity")


def test_hub_hangs_up_midway(world):
    def script(hub, link, is_enrolment):
        link.receive()
        link.close()

    with fakehub.FakeHub(ZONE, script=script) as hub:
        refused_by_device(world, hub, "closed", "hub", "hung", "connection", "link")


def test_enrol_twice(shared_zone):
    token = shared_zone.hub.token()
    result = shared_zone.a.pzp("enrol", token["link"], "--device", "other", check=1)
    assert "leave" in result.reason() or "enrolled" in result.reason()
    shared_zone.serves()


@pytest.mark.parametrize("where", ["127.0.0.1:1", "no-such-host.invalid:8041"])
def test_hub_not_reached(world, where):
    device = world.device("laptop")
    result = device.pzp("enrol", where, "--zone", ZONE, "--code", "1234-5678", check=1)
    assert result.reason()
    assert device.status()["state"] == "virgin" and device.status()["reason"]


@pytest.mark.parametrize("link", [
    "pzp://", "pzp://127.0.0.1", "pzp://127.0.0.1:8041/alice", "http://127.0.0.1/",
    "pzp://127.0.0.1:99999/alice@example.org?code=1234-5678",
    "pzp://127.0.0.1:8041/alice@example.org", "pzp://127.0.0.1:8041/alice@example.org?code=12",
])
def test_malformed_link(module_world, link):
    device = next((d for d in module_world.daemons if d.name == "virgin"), None) or \
        module_world.device("virgin")
    result = device.pzp("enrol", link, check=False)
    assert result.code in (1, 2) and result.err.strip()
    assert device.status()["state"] == "virgin"


def test_official_vector_of_the_python_side():
    """What the tests trust: the draft's own numbers (page 3)."""
    g = cpace.generator(bytes.fromhex("50617373776F7264"),
                        bytes.fromhex("0B415F696E69746961746F720B425F726573706F6E646572"),
                        bytes.fromhex("7E4B4791D6A8EF019B936C79FB7F2C57"))
    assert g.hex().upper() == "222B6B195FE84B1652BADB6F6A3AE3D24341E7306967F0B8115B40D5698C7E56"
