"""What the port of a device shows to peers that do not know a secret of its zone (page 6)."""

import contextlib
import itertools
import socket
import subprocess

import pytest

from pz import daemon, fakepeer, wire
from pz.daemon import is_direct

ZONE = daemon.ZONE
HANDSHAKE_FAILURE = b"\x02\x28"  # fatal, 40 (RFC 8446 6)
KEY_SHARE = b"\x00\x33\x00\x26\x00\x24\x00\x1d\x00\x20"  # an extension with one key of X25519
RANDOM_AT = 5 + 4 + 2


@pytest.fixture(scope="module")
def home(module_lab):
    """A hub, two devices, and a host that belongs to someone else."""
    lan = module_lab.lan("home")
    module_lab.pzh = module_lab.hub(module_lab.host("server", lan))
    module_lab.laptop, module_lab.tv = module_lab.host("laptop", lan), module_lab.host("tv", lan)
    module_lab.evil = module_lab.host("evil", lan)
    module_lab.a, module_lab.b = [module_lab.device(host, module_lab.pzh)
                                  for host in (module_lab.laptop, module_lab.tv)]
    for one in (module_lab.a, module_lab.b):
        one.wait_synced(2)
    return module_lab


def port_of(device):
    return device.status()["ports"]["tls"]


def names_in(shown):
    return [name for name in (b"alice", b"example.org", b"laptop", b"Pzp:", b"pz:")
            if name in shown]


def exchange(home, device, host, hello):
    """Sends these bytes and returns all that comes back."""
    with home.evil.inside():
        sock = socket.create_connection((host.address(), port_of(device)), 10)
    with contextlib.closing(sock):
        sock.settimeout(10)
        sock.sendall(hello)
        sock.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: sock.recv(65536), b""))


def recorded_hello(home):
    """What the laptop sends where it expects the television: a ClientHello that proves the secret."""
    home.b.stop()
    try:
        with home.tv.inside():
            listener = socket.create_server(("::", 8040), family=socket.AF_INET6, dualstack_ipv6=True)
        with contextlib.closing(listener), home.a.control() as control:
            control.send("connect", {"peer": "tv"})
            listener.settimeout(20)
            sock, _ = listener.accept()
            with contextlib.closing(sock):
                sock.settimeout(10)
                head = sock.recv(5, socket.MSG_WAITALL)
                return head + sock.recv(int.from_bytes(head[3:], "big"), socket.MSG_WAITALL)
    finally:
        home.b.start()
        home.b.wait_state("connected")


@pytest.mark.parametrize("options", [[], ["-alpn", "pz/1"], ["-tls1_2"], ["-noservername"],
                                     ["-servername", "tv"], ["-alpn", "h2,http/1.1"],
                                     ["-curves", "P-521:X25519"]], ids=" ".join)
def test_openssl_s_client_sees_nothing(home, options):
    """Neither a certificate nor a name; with TLS 1.3 not even a ServerHello."""
    address = f"{home.laptop.address()}:{port_of(home.a)}"
    done = subprocess.run([*home.evil.prefix, "openssl", "s_client", "-connect", address,
                           "-showcerts", "-msg", *options], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=20, check=False)
    shown = done.stdout + done.stderr
    assert b"no peer certificate available" in shown
    assert b"BEGIN CERTIFICATE" not in shown and b"ServerHello" not in shown
    assert names_in(shown.replace(b"CONNECTED", b"")) == []


def test_stranger_gets_an_alert_and_nothing_else(home):
    with pytest.raises((wire.Closed, ConnectionError)):
        fakepeer.dial(home.evil, fakepeer.stranger("eve@example.org", "tv"),
                      home.laptop.address(), port_of(home.a))


def test_recorded_hello_shows_nothing(home):
    """The answer is encrypted to a key that only the laptop has; a changed hello proves nothing."""
    hello = recorded_hello(home)
    assert KEY_SHARE in hello and names_in(hello) == []
    answers = [exchange(home, home.b, home.tv, hello) for _ in range(2)]
    for answer in answers:
        assert len(answer) > 500 and names_in(answer) == []  # a certificate is in it, unreadable
    assert answers[0] != answers[1]

    key_at = hello.index(KEY_SHARE) + len(KEY_SHARE)
    for at in (key_at, key_at + 30, RANDOM_AT, RANDOM_AT + 31):
        changed = hello[:at] + bytes([hello[at] ^ 1]) + hello[at + 1:]
        answer = exchange(home, home.b, home.tv, changed)
        assert answer[0] == 21 and answer[5:] == HANDSHAKE_FAILURE, answer


def test_who_knows_the_secret_comes_in(home):
    """A device of another make, from page 6 alone; without the secret it is a stranger."""
    guest = fakepeer.enrol(home.evil, home.pzh, "guest")
    port = port_of(home.a)
    with fakepeer.connect(home.evil, guest, home.laptop.address(), port):
        home.a.wait_route("guest", "direct")
    guest.secret = None
    with pytest.raises((wire.Closed, ConnectionError)):
        fakepeer.connect(home.evil, guest, home.laptop.address(), port)


def test_new_device_links_as_soon_as_it_has_the_secret(home):
    phone = home.device(home.host("phone", next(iter(home.laptop.numbers))), home.pzh)
    phone.wait_synced(3)
    home.a.connect(phone)
    is_direct(home.a, phone)
