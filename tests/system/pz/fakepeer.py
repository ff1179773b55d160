"""
The other end of a direct link, in Python: a device's TLS server and client (pages 2, 4 and 6), which
show whatever certificates they are given.
"""

import contextlib
import os
import queue
import select
import socket
import threading

from OpenSSL import SSL, crypto

from . import certs, foreign, wire
from .closing import Closing

ALPN = b"pz/1"


def stranger(zone, device, secret=None):
    """A device of a zone that is not known here, right in itself. With a secret of a known zone it
    comes as far as showing its certificate."""
    authority = certs.Authority(zone)
    identity = foreign.Identity(zone, device, authority.device(device), authority.ca.cert)
    identity.secret = secret
    return identity


def enrol(host, hub, device):
    """A device of the zone, enrolled from that host of the lab; returns its Identity."""
    token = hub.token()
    with host.inside():
        identity = foreign.enrol(hub.host, hub.port, token["zone"], device, token["code"])
    identity.secret = hub.zone_secret(token["zone"])
    return identity


def _context(identity, chain=None, key=None):
    """Believes everybody: what is tested is whom the other end believes."""
    chain = [identity.leaf, identity.ca.cert] if chain is None else chain
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_min_proto_version(SSL.TLS1_3_VERSION)
    context.set_verify(SSL.VERIFY_PEER, lambda *args: True)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_alpn_protos([ALPN])
    context.set_alpn_select_callback(lambda connection, offered: offered[0])
    if chain:
        context.use_certificate(crypto.X509.from_cryptography(chain[0]))
        context.use_privatekey(crypto.PKey.from_cryptography_key(key or identity.leaf_key))
    for more in chain[1:]:
        context.add_extra_chain_cert(crypto.X509.from_cryptography(more))
    return context


def _shake(stream):
    try:
        stream.handshake()
    except SSL.Error as error:
        stream.close()
        raise wire.Closed(f"handshake: {error}") from error
    return wire.Link(stream)


def register(me, other):
    return {"type": "JSONRPC", "register": True, "from": me, "to": other, "payload": None}


def seen_identity(link):
    shown = link.stream.tls.get_peer_certificate()
    if shown is None:
        raise wire.Closed("no certificate")
    (uri,) = certs.uris(shown.to_cryptography())
    return uri[len("pz:"):]


def dial(host, identity, address, port, chain=None, key=None):
    """
    TCP and TLS to a device's server, as that identity. With TLS 1.3 the client is done before the
    server has judged it: a refusal shows in the first read.
    """
    with host.inside():
        sock = socket.create_connection((address, port), 10)
    return _shake(foreign.OpenSslStream(sock, _context(identity, chain, key),
                                        foreign.sni(identity.zone, address), identity.secret))


def connect(host, identity, address, port, claim=None):
    """As dial, and registers, under a false name with `claim`."""
    link = dial(host, identity, address, port)
    link.send(register(claim or identity.address, seen_identity(link)))
    answer = link.receive()
    assert answer.get("register") is True, answer
    return link


class Visit:
    """One connection that came in: who it was (None: no handshake), and what it said."""

    def __init__(self, who=None, error=None):
        self.who, self.error, self.messages = who, error, []

    @property
    def payloads(self):
        """What is more than the opening of a link."""
        return [m for m in self.messages if not m.get("register")]

    def __repr__(self):
        return f"{self.who or self.error}: {self.messages}"


class FakePeer(Closing):
    """A server on a host; `visits` gets each connection at its end."""

    def __init__(self, host, identity, port=0, chain=None, key=None):
        self.identity, self.visits = identity, queue.Queue()
        self.context = _context(identity, chain, key)
        with host.inside():
            self.listener = socket.create_server(("::", port), family=socket.AF_INET6,
                                                 dualstack_ipv6=True)
        self.port = self.listener.getsockname()[1]
        self.sockets = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self.listener.accept()
                self.sockets.append(sock)
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        visit = Visit()
        try:
            link = _shake(foreign.OpenSslStream(sock, self.context))
            visit.who = seen_identity(link)
            link.send(register(self.identity.address, visit.who))
            while True:
                visit.messages.append(link.receive(60))
        except (wire.Closed, OSError, SSL.Error, TimeoutError) as error:
            visit.error = str(error)
        self.visits.put(visit)

    def visit(self, timeout=20):
        """The next connection that has ended."""
        return self.visits.get(timeout=timeout)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for sock in self.sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


class OtherProgram(Closing):
    """A port that is not ours: says its greeting (or nothing), and reads."""

    def __init__(self, host, greeting=b"", port=0):
        self.greeting = greeting
        with host.inside():
            self.listener = socket.create_server(("::", port), family=socket.AF_INET6,
                                                 dualstack_ipv6=True)
        self.port = self.listener.getsockname()[1]
        self.came = threading.Event()
        self._wake, self._waker = os.pipe()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        open_ends = []
        while True:
            ready = select.select([self.listener, self._wake, *open_ends], [], [])[0]
            if self._wake in ready:
                break
            for one in ready:
                if one is self.listener:
                    end, _ = self.listener.accept()
                    end.sendall(self.greeting)
                    open_ends.append(end)
                    self.came.set()
                    continue
                with contextlib.suppress(OSError):
                    if one.recv(65536):
                        continue
                open_ends.remove(one)
                one.close()
        for one in open_ends:
            one.close()

    def close(self):
        os.close(self._waker)
        self._thread.join()
        os.close(self._wake)
        self.listener.close()
