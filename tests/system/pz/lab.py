"""
A network to pull cables out of: hosts and LANs, each in a network namespace of its own.

A LAN is a bridge that nobody has an address on; a host has one interface on each LAN that it is
plugged into; a router is a host that forwards (no multicast, so mDNS ends at it). Addresses follow
from the order of plugging: LAN 1 is 10.80.1.0/24 and fd80:1::/64, its router .1 and ::1, its hosts
.10 and ::10 and on. Whatever runs in a host is started with `Host.prefix`, and sockets of the test
itself are made in it with `with host.inside():`.
"""

import contextlib
import ctypes
import fcntl
import itertools
import os
import pathlib
import re
import secrets
import shutil
import signal
import socket
import struct
import subprocess
import sys

import pytest

from .closing import Closing

PREFIX = "pzlab"
NAMED = pathlib.Path("/run/netns")
CABLE = pathlib.Path(__file__).with_name("cable.py")
FIRST_HOST, ROUTER = 10, 1

CLONE_NEWNET = 0x40000000
SIOCETHTOOL = 0x8946
# ETHTOOL_STXCSUM, _STSO, _SGSO: without them a frame on the wire is one that a real wire carries.
OFFLOADS = (0x17, 0x1F, 0x24)

_libc = ctypes.CDLL(None, use_errno=True)
_numbers = itertools.count(1)


def require():
    """Skips where there can be no lab. As root there can, so what goes wrong then is a failure."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    assert shutil.which("ip"), "no ip(8): install iproute2"


def _run(*argv, text=None):
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(argv)}: {done.stderr.strip()}\n{text or ''}"
    return done.stdout


def _setns(descriptor):
    if _libc.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def _remove_stale():
    """What test runs left that were killed: their namespaces, and the daemons in them."""
    for path in NAMED.glob(f"{PREFIX}-*"):
        owner = re.match(rf"{PREFIX}-(\d+)-", path.name)
        if not owner or pathlib.Path("/proc", owner[1]).exists():
            continue
        for pid in _run("ip", "netns", "pids", path.name).split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        _run("ip", "netns", "del", path.name)


class Space:
    """A network namespace."""

    def __init__(self, lab, name):
        self.lab, self.name = lab, name
        self.netns = f"{lab.prefix}-{name}"
        _run("ip", "netns", "add", self.netns)
        lab.spaces.append(self)

    def ip(self, *commands):
        _run("ip", "-n", self.netns, "-batch", "-", text="\n".join(commands) + "\n")

    @contextlib.contextmanager
    def inside(self):
        """The calling thread is in the namespace; sockets that it makes stay there."""
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            there = os.open(NAMED / self.netns, os.O_RDONLY)
            try:
                _setns(there)
            finally:
                os.close(there)
            try:
                yield
            finally:
                _setns(before)
        finally:
            os.close(before)

    def sysctl(self, **values):
        """Below net; double underscores stand for slashes."""
        with self.inside():
            for name, value in values.items():
                pathlib.Path("/proc/sys/net", name.replace("__", "/")).write_text(f"{value}\n")

    def no_offloads(self, interface):
        with self.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            for command in OFFLOADS:
                value = ctypes.create_string_buffer(struct.pack("II", command, 0))
                fcntl.ioctl(any_socket, SIOCETHTOOL,
                            struct.pack("16sP", interface.encode(), ctypes.addressof(value)))


class Lan(Space):
    """A switch. `v4` and `v6` are networks, or None."""

    def __init__(self, lab, name, number, v4, v6):
        super().__init__(lab, f"lan-{name}")
        self.number, self.v4, self.v6 = number, v4, v6
        self.next_host, self.router, self.ports = FIRST_HOST, None, {}
        self.sysctl(ipv6__conf__all__disable_ipv6=1, ipv6__conf__default__disable_ipv6=1)
        self.ip("link add br0 type bridge forward_delay 0 stp_state 0 mcast_snooping 0",
                "link set br0 up")

    def address(self, number, family):
        """Of the host with this number, with the length of the prefix."""
        if family == 4:
            return self.v4 and self.v4.replace(".0/", f".{number}/")
        return self.v6 and self.v6 != "link" and self.v6.replace("::/", f"::{number}/")


class Host(Space):
    """A machine, with a host name that nothing else is called."""

    def __init__(self, lab, name):
        super().__init__(lab, name)
        self.hostname = f"machine-{name}-{secrets.token_hex(4)}"
        self.numbers = {}
        # An avahi-daemon of the machine that the tests run on is none of this host's.
        self.environment = {"PATH": "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin",
                            "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent"}
        self.sysctl(ipv6__conf__all__accept_dad=0, ipv6__conf__default__accept_dad=0,
                    ipv6__conf__default__router_solicitations=0)
        self.ip("link set lo up")

    @property
    def prefix(self):
        """What a command line is put behind to run here; the process id stays the same."""
        naming = 'echo "$0" >/proc/sys/kernel/hostname && exec "$@"'
        return ["ip", "netns", "exec", self.netns, "unshare", "--uts", "sh", "-c", naming,
                self.hostname]

    def addresses(self, lan=None):
        """All that it was given, IPv4 first."""
        found = []
        for one in [lan] if lan else self.numbers:
            found += [one.address(self.numbers[one], family) for family in (4, 6)]
        return [text.split("/")[0] for text in found if text]

    def address(self, lan=None):
        return self.addresses(lan)[0]

    def interface(self, lan):
        return f"eth{lan.number}"


class Lab(Closing):
    """Namespaces, cables, and what has to go away with them."""

    def __init__(self):
        self.prefix = f"{PREFIX}-{os.getpid()}-{next(_numbers)}"
        self.spaces, self.lans, self.closers = [], [], []
        self.world = None
        _remove_stale()

    # ---- things ----

    def lan(self, name, v4="auto", v6="auto"):
        """
        A new LAN; v4, v6: a network such as "10.1.2.0/24" and "fd12::/64", or None for none. v6
        "link": nobody gives addresses, so hosts have their link-local ones only.
        """
        number = len(self.lans) + 1
        lan = Lan(self, name, number, f"10.80.{number}.0/24" if v4 == "auto" else v4,
                  f"fd80:{number}::/64" if v6 == "auto" else v6)
        self.lans.append(lan)
        return lan

    def host(self, name, *lans):
        """A new host, plugged into those LANs."""
        host = Host(self, name)
        for lan in lans:
            self.plug(host, lan)
        return host

    def router(self, name, *lans):
        """A new host that forwards between those LANs, whose hosts use it from now on."""
        router = Host(self, name)
        router.sysctl(ipv4__ip_forward=1, ipv6__conf__all__forwarding=1)
        for lan in lans:
            assert lan.router is None, f"{lan.name} has a router already"
            self.plug(router, lan, ROUTER)
            lan.router = router
            for host in lan.ports:
                if host is not router:
                    host.ip(*self._default_routes(host, lan))
        return router

    # ---- cables ----

    def plug(self, host, lan, number=None):
        """A cable, addresses, and a default route where the LAN has a router."""
        assert lan not in host.numbers, f"{host.name} is in {lan.name} already"
        if number is None:
            number, lan.next_host = lan.next_host, lan.next_host + 1
        interface, port = host.interface(lan), f"p{number}"
        if lan.v6 is None:
            host.sysctl(ipv6__conf__default__disable_ipv6=1)
        lan.ip(f"link add {port} type veth peer name {interface} netns {host.netns} "
               f"address 02:50:5a:00:{lan.number:02x}:{number:02x}",
               f"link set {port} master br0 up")
        if lan.v6 is None:
            host.sysctl(ipv6__conf__default__disable_ipv6=0)
        host.numbers[lan], lan.ports[host] = number, port
        host.ip(f"link set {interface} up", *self._addressing(host, lan))

    def _addressing(self, host, lan):
        interface, number = host.interface(lan), host.numbers[lan]
        commands = [f"addr add {lan.address(number, 4)} dev {interface}"] if lan.v4 else []
        if lan.address(number, 6):
            commands += [f"addr add {lan.address(number, 6)} dev {interface} nodad"]
        return commands + (self._default_routes(host, lan) if lan.router else [])

    def _default_routes(self, host, lan):
        return [f"route replace default via {lan.address(ROUTER, family).split('/')[0]} "
                f"dev {host.interface(lan)} metric {lan.number}"
                for family in (4, 6) if lan.address(ROUTER, family)]

    def renumber(self, host, lan):
        """Other addresses on the same cable, as after a new lease."""
        host.ip(f"addr flush dev {host.interface(lan)} scope global")
        host.numbers[lan], lan.next_host = lan.next_host, lan.next_host + 1
        host.ip(*self._addressing(host, lan))

    def unplug(self, host, lan):
        """The interface is gone, and the host sees it."""
        lan.ip(f"link del {lan.ports.pop(host)}")
        del host.numbers[lan]

    def cut(self, host, lan):
        """The cable is dead, and the host does not see it: its link stays up."""
        _run("bridge", "-n", lan.netns, "link", "set", "dev", lan.ports[host], "state", "0")

    def mend(self, host, lan):
        _run("bridge", "-n", lan.netns, "link", "set", "dev", lan.ports[host], "state", "3")

    def uplink_cut(self, lan):
        self.cut(lan.router, lan)

    def uplink_mend(self, lan):
        self.mend(lan.router, lan)

    def separate(self, lan, *hosts, off=False):
        """These do not hear one another any more, while all others hear all. `off` undoes it."""
        for host in hosts:
            _run("bridge", "-n", lan.netns, "link", "set", "dev", lan.ports[host], "isolated",
                 "off" if off else "on")

    def reunite(self, lan, *hosts):
        self.separate(lan, *hosts, off=True)

    def rough(self, host, lan, loss=0.0, delay_ms=0, jitter_ms=0, seed=1):
        """
        From now on the host's cable is like bad radio, both ways: frames get lost with probability
        `loss`, the others are late. A program of ours does it, not netem: every kernel has what it
        needs, and the same seed loses the same frames.
        """
        port = lan.ports[host]
        lan.ip(f"link set {port} nomaster",
               f"link add {port}w type veth peer name {port}r address 02:50:5a:ff:00:01",
               f"link set {port}w up", f"link set {port}r master br0 up")
        host.no_offloads(host.interface(lan))
        lan.no_offloads(f"{port}r")
        lan.ports[host] = f"{port}r"
        cable = subprocess.Popen(
            ["ip", "netns", "exec", lan.netns, sys.executable, str(CABLE), port, f"{port}w",
             str(loss), str(delay_ms), str(jitter_ms), str(seed)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.on_close(lambda: _end(cable))
        assert cable.stdout.readline() == b"ready\n", "the cable did not start"

    # ---- daemons ----

    def hub(self, host, *options, **more):
        """A running hub with a zone, on that host."""
        return self.world.hub(*options, at=host, **more)

    def device(self, host, hub=None, *options, **more):
        """A running device on that host, called like it, and in the hub's zone when there is a hub."""
        return self.world.device(more.pop("name", host.name), hub, *options, at=host, **more)

    def make_home(self):
        """Home with the devices a, b, c (on laptop, tv, phone); the hub is far, behind a gateway."""
        self.home, self.far = self.lan("home"), self.lan("far")
        self.gateway = self.router("gateway", self.home, self.far)
        self.pzh = self.hub(self.host("server", self.far))
        self.hosts = [self.host(name, self.home) for name in ("laptop", "tv", "phone")]
        self.laptop, self.tv, self.phone = self.hosts
        self.a, self.b, self.c = [self.device(host, self.pzh) for host in self.hosts]

    # ---- the end ----

    def on_close(self, close):
        self.closers.append(close)

    def close(self):
        problems = []
        closing = [*reversed(self.closers),
                   *(lambda space=space: _run("ip", "netns", "del", space.netns)
                     for space in self.spaces)]
        for close in closing:
            try:
                close()
            except Exception as problem:  # pylint: disable=broad-except  # the rest goes on
                problems.append(str(problem))
        assert not problems, "\n".join(problems)


def _end(process):
    """A cable ends when its standard input does, so it also ends with the test run."""
    process.stdin.close()
    try:
        code = process.wait(5)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert code == 0, f"the cable ended with {code}"
