"""Multicast DNS as page 6 uses it, from RFC 6762 and 6763: packets made, read, and sent from a host."""

import ipaddress
import select
import os
import socket
import struct
import threading

from .closing import Closing

PORT = 5353
GROUP4, GROUP6 = "224.0.0.251", "ff02::fb"
A, CNAME, PTR, TXT, AAAA, SRV, DNAME, ANY = 1, 5, 12, 16, 28, 33, 39, 255
IN, FLUSH = 1, 0x8000
SERVICE = "_pzp._tcp.local"
TTL = 120


def labels(name):
    return name.split(".") if isinstance(name, str) else list(name)


def encode_name(name):
    """`name`: text with dots, or a list of labels."""
    out = b""
    for label in labels(name):
        raw = label if isinstance(label, bytes) else label.encode()
        out += bytes([len(raw)]) + raw
    return out + b"\0"


def record(name, kind, data, ttl=TTL, flush=True):
    if kind == PTR:
        flush = False
    return (encode_name(name) + struct.pack(">HHIH", kind, IN | (FLUSH if flush else 0), ttl,
                                            len(data)) + data)


def question(name, kind=PTR):
    return encode_name(name) + struct.pack(">HH", kind, IN)


def query(*questions):
    return struct.pack(">HHHHHH", 0, 0, len(questions), 0, 0, 0) + b"".join(questions)


def response(*records):
    return struct.pack(">HHHHHH", 0, 0x8400, 0, len(records), 0, 0) + b"".join(records)


def instance(name, port, addresses, txt=(), host=None, ttl=TTL):
    """The records of one instance of our service; txt: list of strings or bytes."""
    host = host or [f"host-of-{name}", "local"]
    full = [name, *labels(SERVICE)]
    strings = [t if isinstance(t, bytes) else t.encode() for t in txt]
    data = b"".join(bytes([len(t)]) + t for t in strings) or b"\0"
    found = [record(SERVICE, PTR, encode_name(full), ttl),
             record(full, SRV, struct.pack(">HHH", 0, 0, port) + encode_name(host), ttl),
             record(full, TXT, data, ttl)]
    for text in addresses:
        address = ipaddress.ip_address(text)
        found.append(record(host, A if address.version == 4 else AAAA, address.packed, ttl))
    return found


class Record:
    def __init__(self, name, kind, ttl, data):
        self.name, self.kind, self.ttl, self.data = name, kind, ttl, data

    def __repr__(self):
        return f"{self.name} {self.kind} {self.data!r}"


def read_name(packet, at):
    """(labels, the offset behind it)."""
    found, end, hops = [], None, 0
    while packet[at]:
        if packet[at] >= 0xC0:
            end = end or at + 2
            at, hops = struct.unpack_from(">H", packet, at)[0] & 0x3FFF, hops + 1
            assert hops < 64, "a name in circles"
            continue
        found.append(packet[at + 1:at + 1 + packet[at]].decode("utf-8", "replace"))
        at += 1 + packet[at]
    return found, end or at + 1


def read(packet):
    """(questions as (name, kind), Records) of a packet."""
    counts, at = struct.unpack_from(">HHHH", packet, 4), 12
    asked, told = [], []
    for _ in range(counts[0]):
        name, at = read_name(packet, at)
        asked.append((".".join(name), struct.unpack_from(">H", packet, at)[0]))
        at += 4
    for _ in range(sum(counts[1:])):
        name, at = read_name(packet, at)
        kind, _, ttl, size = struct.unpack_from(">HHIH", packet, at)
        at += 10
        told.append(Record(".".join(name), kind, ttl, _read_data(packet, kind, at, size)))
        at += size
    return asked, told


def _read_data(packet, kind, at, size):
    if kind == PTR:
        return ".".join(read_name(packet, at)[0])
    if kind == SRV:
        return struct.unpack_from(">H", packet, at + 4)[0], ".".join(read_name(packet, at + 6)[0])
    if kind in (A, AAAA):
        return str(ipaddress.ip_address(packet[at:at + size]))
    if kind == TXT:
        strings, end = [], at + size
        while at < end:
            strings.append(packet[at + 1:at + 1 + packet[at]].decode("utf-8", "replace"))
            at += 1 + packet[at]
        return strings
    return packet[at:at + size]


def records(packets):
    """All records in captured packets (capture.Packet)."""
    return [one for packet in packets for one in read(packet.payload)[1]]


def tags(packets):
    """The zone tags that were announced: {instance: tag}."""
    return {one.name: text[2:] for one in records(packets) if one.kind == TXT
            for text in one.data if text.startswith("t=")}


class Announcer(Closing):
    """
    A host that says these packets over IPv4 (and IPv6 where it has it): at once, and as an answer to
    every question for our service.
    """

    def __init__(self, host, lan, packets):
        self.packets = list(packets)
        self.sockets = [self._open(host, lan, socket.AF_INET)] if lan.v4 else []
        self.sockets += [self._open(host, lan, socket.AF_INET6)] if lan.v6 else []
        self._wake, self._waker = os.pipe()
        self._thread = threading.Thread(target=self._answer, daemon=True)
        self.say()
        self._thread.start()

    def _open(self, host, lan, family):
        with host.inside():
            one = socket.socket(family, socket.SOCK_DGRAM)
            index = socket.if_nametoindex(host.interface(lan))
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET:
                mreq = struct.pack("=4s4si", socket.inet_aton(GROUP4), bytes(4), index)
                one.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, mreq)
                one.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, mreq)
                one.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
                one.bind(("", PORT))
            else:
                mreq = socket.inet_pton(family, GROUP6) + struct.pack("=I", index)
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, mreq)
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
                one.bind(("::", PORT))
        return one

    def say(self, *packets):
        """Those packets, or its own."""
        for one in self.sockets:
            group = GROUP4 if one.family == socket.AF_INET else GROUP6
            for packet in packets or self.packets:
                one.sendto(packet, (group, PORT))

    def _answer(self):
        while True:
            ready = select.select([*self.sockets, self._wake], [], [])[0]
            if self._wake in ready:
                return
            for one in ready:
                packet = one.recv(65536)
                if b"\x04_pzp\x04_tcp" in packet and not packet[2] & 0x80:
                    self.say()

    def close(self):
        os.close(self._waker)
        self._thread.join()
        os.close(self._wake)
        for one in self.sockets:
            one.close()
