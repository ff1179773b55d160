"""A hub in Python: for what a device must hold out against, and to prove page 3 from the other side."""

import base64
import queue
import socket
import threading

from OpenSSL import SSL, crypto
from cryptography import x509

from . import certs, wire
from .closing import Closing
from .cpace import Exchange
from .foreign import OpenSslStream


class FakeHub(Closing):
    """
    Listens and plays `script(hub, link, is_enrolment)` on each connection in a thread; what a script
    raises is raised again by close().
    """

    def __init__(self, zone, code="12345678", authority=None, port=0, script=None, shown=None):
        self.zone, self.code = zone, code
        self.authority = authority or certs.Authority(zone)
        self.shown = shown or self.authority  # whose TLS certificate it shows
        self.script = script or FakeHub.behave
        self.links = queue.Queue()  # links that behave() has registered
        self.enrolled = {}
        self.problems = []
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        self.context = self._context()
        self.threads = [threading.Thread(target=self._accept, daemon=True)]
        self.threads[0].start()
        self.streams = []

    def _context(self):
        context = SSL.Context(SSL.TLS_METHOD)
        context.set_min_proto_version(SSL.TLS1_3_VERSION)
        context.use_certificate(crypto.X509.from_cryptography(self.shown.tls))
        context.use_privatekey(crypto.PKey.from_cryptography_key(self.shown.tls_key))
        context.set_verify(SSL.VERIFY_PEER, lambda *args: True)
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        context.set_alpn_select_callback(lambda connection, offered: offered[0])
        return context

    @property
    def link(self):
        return f"pzp://127.0.0.1:{self.port}/{self.zone}?code={self.code}"

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            self.threads.append(thread)
            thread.start()

    def _serve(self, sock):
        stream = OpenSslStream(sock, self.context)
        self.streams.append(stream)
        try:
            stream.handshake()
            is_enrolment = stream.tls.get_alpn_proto_negotiated() == b"pz-enrol/1"
            self.script(self, wire.Link(stream), is_enrolment)
        except (wire.Closed, SSL.Error, OSError):
            pass  # the device hung up
        except Exception as problem:  # pylint: disable=broad-except
            self.problems.append(problem)

    # ---- how a hub behaves ----

    def behave(self, link, is_enrolment):
        """Enrols, or registers the link and hands it to the test through `links`."""
        if is_enrolment:
            self.enrol(link)
            return
        device = self.register(link)
        self.links.put((device, link))

    def enrol(self, link, code=None, certificate=None, master=None):
        """Page 3, the hub's side; the arguments bend it."""
        hello = link.receive(20)["payload"]["message"]
        exchange = Exchange(code or self.code, hello["zone"], hello["device"], link.stream.export())
        exchange.finish(base64.b64decode(hello["share"]), is_initiator=False)
        self.tell(link, hello["device"], "enrolShare",
                  {"share": base64.b64encode(exchange.share).decode(),
                   "confirm": base64.b64encode(exchange.tag_b()).decode()})
        request = link.receive(20)["payload"]
        assert request["status"] == "enrollPzp", request
        csr_text = request["message"]["csr"]
        assert base64.b64decode(request["message"]["confirm"]) == exchange.tag_a(csr_text.encode())
        csr = x509.load_pem_x509_csr(csr_text.encode())
        assert csr.is_signature_valid
        assert certs.uris(csr) == [certs.identity_uri(self.zone, hello["device"])], certs.uris(csr)
        cert = certificate(csr) if certificate else self.authority.sign_device(hello["device"], csr)
        self.enrolled[hello["device"]] = cert
        self.tell(link, hello["device"], "signedCert",
                  {"clientCert": certs.pem(cert),
                   "masterCert": certs.pem(master or self.authority.ca.cert),
                   "crl": certs.pem(self.authority.crl()), "pzhId": self.zone,
                   "host": "127.0.0.1", "port": self.port})
        link.until_closed(20)

    def register(self, link):
        """Page 4, a link's life, 1 to 3; returns the device's address."""
        (uri,) = certs.uris(link.stream.tls.get_peer_certificate().to_cryptography())
        device = uri[len("pz:"):]
        first = link.receive(20)
        assert first["register"] is True and first["from"] == device, first
        link.send({"type": "JSONRPC", "register": True, "from": self.zone, "to": device,
                   "payload": None})
        self.tell(link, device, "Update", {"PZH": [{"name": self.zone, "displayName": self.zone,
                                                    "connected": True}], "PZP": []})
        return device

    def tell(self, link, to, status, message=None):
        link.send(wire.prop(self.zone, status, message, to=to))

    def next_link(self, timeout=30):
        """The next registered link: (device's address, link)."""
        return self.links.get(timeout=timeout)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for stream in self.streams:
            stream.sock.close()
        if self.problems:
            raise self.problems[0]
