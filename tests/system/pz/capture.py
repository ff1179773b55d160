"""
What passes on a LAN: every frame that its bridge sees, with the packets taken out of them. Or what a
host sends and receives: every frame of each of its interfaces.
"""

import ipaddress
import os
import select
import socket
import struct
import threading

from .closing import Closing

ETH_P_ALL, ETH_IPV4, ETH_IPV6 = 3, 0x0800, 0x86DD
TCP, UDP = 6, 17
SOL_PACKET, PACKET_ADD_MEMBERSHIP, PACKET_STATISTICS = 263, 1, 6
PACKET_MR_PROMISC = 1
SO_RCVBUFFORCE = 33
FRAME = 1 << 17


class Packet:
    """A TCP segment or a UDP datagram."""

    def __init__(self, protocol, source, sport, target, dport, ttl, payload):
        self.protocol, self.source, self.sport = protocol, source, sport
        self.target, self.dport, self.ttl, self.payload = target, dport, ttl, payload

    @property
    def flow(self):
        return self.protocol, self.source, self.sport, self.target, self.dport

    def __repr__(self):
        return f"{self.source}:{self.sport} > {self.target}:{self.dport} {self.payload!r}"


def parse(frame):
    """The Packet in an Ethernet frame, or None (ARP, ICMP, fragments)."""
    kind, = struct.unpack_from(">H", frame, 12)
    if kind == ETH_IPV4:
        length, fragment = struct.unpack_from(">H2xH", frame, 16)
        ttl, protocol = frame[22], frame[23]
        source, target = frame[26:30], frame[30:34]
        at, end = 14 + 4 * (frame[14] & 15), 14 + length
        if fragment & 0x3FFF:
            return None
    elif kind == ETH_IPV6:
        length, protocol, ttl = struct.unpack_from(">HBB", frame, 18)
        source, target = frame[22:38], frame[38:54]
        at, end = 54, 54 + length
    else:
        return None
    if protocol not in (TCP, UDP):
        return None
    sport, dport = struct.unpack_from(">HH", frame, at)
    start = at + (8 if protocol == UDP else 4 * (frame[at + 12] >> 4))
    return Packet(protocol, str(ipaddress.ip_address(source)), sport,
                  str(ipaddress.ip_address(target)), dport, ttl, frame[start:end])


class Capture(Closing):
    """Runs from its making until close(), or as a context; `where` is a LAN or a host of the lab."""

    def __init__(self, where):
        self.frames = []
        self._condition = threading.Condition()
        self._wake, self._waker = os.pipe()
        with where.inside():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
            if "br0" in [name for _, name in socket.if_nameindex()]:
                self._only("br0")
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _only(self, interface):
        """In promiscuous mode a bridge hands up what it forwards, not only what is for it."""
        self.socket.bind((interface, ETH_P_ALL))
        self.socket.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP,
                               struct.pack("iHH8s", socket.if_nametoindex(interface), PACKET_MR_PROMISC,
                                           0, b""))

    def _read(self):
        self.socket.setblocking(False)
        while self._wake not in select.select([self.socket, self._wake], [], [])[0]:
            self._drain()
        self._drain()

    def _drain(self):
        with self._condition:
            try:
                while True:
                    self.frames.append(self.socket.recv(FRAME))
            except BlockingIOError:
                self._condition.notify_all()

    def packets(self, port=None):
        """All TCP and UDP so far, or that of one port."""
        found = filter(None, map(parse, list(self.frames)))
        return [p for p in found if port is None or port in (p.sport, p.dport)]

    def mdns(self):
        return [p for p in self.packets(5353) if p.protocol == UDP]

    def wait(self, wanted, timeout=10, what="packet"):
        """The first packet, past or to come, that is wanted."""
        seen, found = 0, []

        def look():
            nonlocal seen
            fresh, seen = self.frames[seen:], len(self.frames)
            found.extend(p for p in filter(None, map(parse, fresh)) if wanted(p))
            return bool(found)

        with self._condition:
            assert self._condition.wait_for(look, timeout), f"no {what} within {timeout} s"
        return found[0]

    def close(self):
        """Ends it; fails when the kernel had no room for a frame, for then absence shows nothing."""
        if self._waker is None:
            return
        os.close(self._waker)
        self._waker = None
        self._thread.join()
        os.close(self._wake)
        _, dropped = struct.unpack("II", self.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        self.socket.close()
        assert dropped == 0, f"the capture missed {dropped} frames"

    def streams(self):
        """What each flow carried, end to end, and each frame by itself."""
        flows = {}
        for packet in self.packets():
            flows.setdefault(packet.flow, bytearray()).extend(packet.payload)
        return [*flows.values(), *self.frames]

    def assert_absent(self, *markers):
        """None of these texts passed: as it is, in other case, or in hex. Ends the capture."""
        self.close()
        assert self.frames, "nothing was captured"
        forms = {form: marker for marker in markers
                 for form in (marker.lower().encode(), marker.lower().encode().hex().encode())}
        for stream in self.streams():
            lower = bytes(stream).lower()
            for form, marker in forms.items():
                at = lower.find(form)
                assert at < 0, f"{marker!r} in {bytes(stream[max(0, at - 100):at + 100])!r}"
