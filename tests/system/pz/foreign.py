"""
A device that shares no code with ours: written from pages 2 to 4. It enrols with a code, makes its own
TLS certificate, links, registers, calls, and serves. Every step can be bent for hostile tests.
"""

import base64
import hashlib
import ipaddress
import os
import select
import socket
import ssl
import tempfile
import time

from OpenSSL import SSL

from . import certs, proof, wire
from .closing import Closing
from .cpace import Exchange

TEST_API = "http://webinos.org/api/test"
TEST_NAME, TEST_TEXT = "Test", "Test Module with the life answer."


def service_id(api, display_name, description):
    """Page 7, 2."""
    return hashlib.md5((api + display_name + description).encode()).hexdigest()


TEST_ID = service_id(TEST_API, TEST_NAME, TEST_TEXT)
TEST_METHOD = f"{TEST_API}@{TEST_ID}.get42"


def descriptor(address, api=TEST_API, display_name=TEST_NAME, description=TEST_TEXT):
    return {"id": service_id(api, display_name, description), "api": api,
            "displayName": display_name, "description": description, "serviceAddress": address,
            "icon": None}


def sni(zone, host):
    """Page 2: tells an observer no name."""
    tag = hashlib.sha256(b"pz-sni/1" + zone.encode()).hexdigest()[:20]
    try:
        ipaddress.ip_address(host)
        return f"{tag}.pz.invalid"
    except ValueError:
        return f"{tag}.{host}"


class OpenSslStream:
    """A pyOpenSSL connection with the manners of an ssl.SSLSocket."""

    def __init__(self, sock, context, server_name=None, secret=None):
        self.sock, self.timeout = sock, 10
        sock.setblocking(False)
        self.tls = SSL.Connection(context, sock)
        self.proof = proof.offer(self.tls, secret) if secret else None
        if server_name is None:
            self.tls.set_accept_state()
        else:
            self.tls.set_tlsext_host_name(server_name.encode())
            self.tls.set_connect_state()

    def settimeout(self, seconds):
        self.timeout = seconds

    def _patiently(self, operation, *args):
        deadline = time.monotonic() + self.timeout
        while True:
            try:
                return operation(*args)
            except SSL.WantReadError:
                ready = select.select([self.sock], [], [], max(0, deadline - time.monotonic()))[0]
            except SSL.WantWriteError:
                ready = select.select([], [self.sock], [], max(0, deadline - time.monotonic()))[1]
            if not ready:
                raise TimeoutError("TLS: the other end is silent")

    def handshake(self):
        self._patiently(self.tls.do_handshake)

    def recv(self, size):
        try:
            return self._patiently(self.tls.recv, size)
        except (SSL.ZeroReturnError, SSL.SysCallError):
            return b""
        except SSL.Error as error:
            raise ConnectionError(f"TLS: {error}") from error

    def sendall(self, data):
        view = memoryview(data)
        while view:
            try:
                view = view[self._patiently(self.tls.send, bytes(view[:65536])):]
            except SSL.Error as error:
                raise ConnectionError(f"TLS: {error}") from error

    def export(self):
        return self.tls.export_keying_material(b"EXPORTER-pz-enrol", 32)

    def close(self):
        try:
            self.tls.shutdown()
        except SSL.Error:
            pass
        self.sock.close()


class Refused(Exception):
    """The hub sent enrolError; the reason is the text."""


class WrongHub(Exception):
    """What the hub shows does not hold."""


class Enrolment(Closing):
    """The device's side of page 3, step by step."""

    def __init__(self, host, port, zone, device, code, alpn=b"pz-enrol/1", key="ec-p256"):
        self.host, self.port, self.zone, self.device, self.code = host, port, zone, device, code
        self.key = certs.new_key(key)
        self.csr = certs.make_csr(certs.ca_name(zone, device), certs.identity_uri(zone, device),
                                  self.key)
        context = SSL.Context(SSL.TLS_METHOD)
        context.set_min_proto_version(SSL.TLS1_3_VERSION)
        context.set_alpn_protos([alpn])
        self.stream = OpenSslStream(socket.create_connection((host, port), 10), context,
                                    sni(zone, host))
        try:
            self.stream.handshake()
        except SSL.Error as error:
            self.stream.close()
            raise ConnectionError(f"handshake: {error}") from error
        self.link = wire.Link(self.stream)
        self.exchange = Exchange(code, zone, device, self.stream.export())

    def _answer(self, status):
        message = self.link.receive()
        payload = message["payload"]
        if payload["status"] == "enrolError":
            raise Refused(payload["message"]["reason"])
        assert payload["status"] == status, message
        return payload["message"]

    def send(self, status, message):
        self.link.send(wire.prop(self.device, status, message, to=self.zone))

    def hello(self, **bent):
        """Steps 1 and 2; raises Refused, and WrongHub when the hub does not know the code."""
        self.send("enrolHello", {"zone": self.zone, "device": self.device,
                                 "displayName": f"Foreign {self.device}", "deviceType": "test",
                                 "share": _b64(self.exchange.share), **bent})
        answer = self._answer("enrolShare")
        self.exchange.finish(base64.b64decode(answer["share"], validate=True), is_initiator=True)
        if base64.b64decode(answer["confirm"], validate=True) != self.exchange.tag_b():
            raise WrongHub("wrong code: tag B does not match")

    def request(self, tag=None):
        """Steps 3 and 4; returns the Identity."""
        self.send("enrollPzp", {"csr": self.csr,
                                "confirm": _b64(tag or self.exchange.tag_a(self.csr.encode()))})
        answer = self._answer("signedCert")
        return self._check(answer)

    def _check(self, answer):
        """Page 3, step 4, as a device has to."""
        ca, master = certs.read_pem(answer["clientCert"]), certs.read_pem(answer["masterCert"])
        assert answer["pzhId"] == self.zone and answer["port"] == self.port, answer
        assert ca.public_key().public_numbers() == self.key.public_key().public_numbers()
        assert certs.uris(ca) == [certs.identity_uri(self.zone, self.device)]
        _verify_issued(ca, master)
        shown = self.stream.tls.get_peer_certificate().to_cryptography()
        _verify_issued(shown, master)
        assert "BEGIN X509 CRL" in answer["crl"]
        return Identity(self.zone, self.device, certs.Issuer(ca, self.key), master)

    def close(self):
        self.stream.close()


def _b64(data):
    return base64.b64encode(data).decode()


def _verify_issued(cert, issuer):
    from cryptography.hazmat.primitives.asymmetric import ec
    issuer.public_key().verify(cert.signature, cert.tbs_certificate_bytes,
                               ec.ECDSA(cert.signature_hash_algorithm))
    assert cert.issuer == issuer.subject


def enrol(host, port, zone, device, code):
    """The whole of page 3."""
    with Enrolment(host, port, zone, device, code) as enrolment:
        enrolment.hello()
        return enrolment.request()


class Identity:
    """An enrolled device: its own CA, the zone's CA, and a TLS certificate made by itself."""

    secret = None  # the zone's: what direct links prove in the ClientHello (page 6)

    def __init__(self, zone, device, ca, master):
        self.zone, self.device, self.ca, self.master = zone, device, ca, master
        self.address = f"{zone}/{device}"
        self.leaf, self.leaf_key = certs.device_leaf(zone, device, ca)

    def context(self, chain=None, key=None, alpn="pz/1", weak=False):
        """A TLS client that trusts its own hub only. chain: leaf first; [] shows no certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False  # the SAN URI is the identity
        if weak:
            context.set_ciphers("DEFAULT:@SECLEVEL=0")
        if alpn:
            context.set_alpn_protocols([alpn])
        context.load_verify_locations(cadata=certs.pem(self.master))
        chain = [self.leaf, self.ca.cert] if chain is None else chain
        if chain:
            with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
                os.fchmod(file.fileno(), 0o600)
                file.write(certs.pem(key or self.leaf_key) + "".join(map(certs.pem, chain)))
                file.flush()
                context.load_cert_chain(file.name)
        return context

    def dial(self, host, port, source=None, receive_buffer=None, **more):
        """TCP and TLS; returns the Link. Checks that the hub is ours."""
        sock = socket.socket(socket.AF_INET)
        sock.settimeout(20)
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source:
            sock.bind((source, 0))
        sock.connect((host, port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            tls = self.context(**more).wrap_socket(sock, server_hostname=sni(self.zone, host))
        except OSError:
            sock.close()
            raise
        names = tls.getpeercert()["subjectAltName"]
        assert ("URI", certs.identity_uri(self.zone)) in names, names
        return wire.Link(tls)

    def connect(self, host, port, **more):
        """The whole of page 4, "A link's life", up to the zone's Update."""
        link = self.dial(host, port, **more)
        link.send(self.register_message())
        first = link.receive()
        assert first.get("register") is True and first["from"] == self.zone, first
        link.expect_prop("Update")
        return link

    def register_message(self):
        return {"type": "JSONRPC", "register": True, "from": self.address, "to": self.zone,
                "payload": None}

    def announce(self, link, *descriptors):
        link.send(wire.prop(self.address, "registerServices",
                            {"services": list(descriptors), "from": self.address}, to=self.zone))

    def call(self, link, to, method=TEST_METHOD, params=("x",), timeout=10, **more):
        """One call; returns the payload of its answer."""
        payload = wire.request(method, list(params) if isinstance(params, tuple) else params)
        link.send(wire.rpc(self.address, to, payload, **more))
        return link.expect_answer(payload["id"], timeout)

    def serve_one(self, link, result, timeout=10):
        """Waits for one request and answers it; returns the request message."""
        message = link.expect(lambda m: isinstance(m.get("payload"), dict)
                              and "method" in m["payload"], timeout)
        link.send(wire.rpc(self.address, message.get("resp_to", message["from"]),
                           {"jsonrpc": "2.0", "id": message["payload"]["id"], "result": result}))
        return message


def join(hub, device, *token_args):
    """Enrols a foreign device at a hub under test; returns its Identity."""
    token = hub.token(*token_args)
    identity = enrol("127.0.0.1", hub.port, token["zone"], device, token["code"])
    identity.secret = hub.zone_secret(token["zone"])
    return identity
