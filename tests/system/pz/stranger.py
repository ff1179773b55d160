"""
A device of another zone, or of none, in a pairing window: written from page 6 ("Strangers") alone, with the
arithmetic of tests/pair. It dials a window; every step can be bent.
"""

import base64
import hashlib
import json
import pathlib
import secrets
import socket
import sys

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL, crypto

from . import certs, wire
from .closing import Closing
from .foreign import OpenSslStream

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "pair"))
import arithmetic  # noqa: E402  pylint: disable=wrong-import-position,import-error

ALPN = b"pz-pair/1"


def print_of(cert):
    return hashlib.sha256(cert.public_bytes(Encoding.DER)).hexdigest()[:16]


class Card:
    """What a device shows of itself, and the key of its `pzpCa`. @param of a card of the same zone"""

    def __init__(self, device="phone", zone=None, name="A stranger", of=None):
        self.device, self.zone = device, zone
        self.key = certs.new_key()
        self.authority = of.authority if of else certs.Authority(zone) if zone else None
        if zone:
            self.cert = self.authority.sign_device(device, self.key)
            self.identity = f"{zone}/{device}"
        else:
            self.cert = certs.make("pz", self.key)
            self.identity = f"{device}#{print_of(self.cert)}"
        self.info = json.dumps({"zone": zone, "device": device, "displayName": name,
                                "pzhCa": certs.pem(self.authority.ca.cert) if zone else None,
                                "pzpCa": certs.pem(self.cert)})

    def sign(self, words):
        return base64.b64encode(self.key.sign(words, ec.ECDSA(hashes.SHA256()))).decode()


def identity_of(info):
    """Of the other side's card."""
    card = json.loads(info)
    if card["zone"]:
        return f"{card['zone']}/{card['device']}"
    return f"{card['device']}#{print_of(certs.read_pem(card['pzpCa']))}"


def context(server_card=None):
    made = SSL.Context(SSL.TLS_METHOD)
    made.set_min_proto_version(SSL.TLS1_3_VERSION)
    made.set_verify(SSL.VERIFY_NONE, lambda *_: True)
    if server_card is None:
        made.set_alpn_protos([ALPN])
        return made
    made.use_privatekey(crypto.PKey.from_cryptography_key(server_card.key))
    made.use_certificate(crypto.X509.from_cryptography(server_card.cert))
    made.set_alpn_select_callback(lambda _, offered: ALPN if ALPN in offered else SSL.NO_OVERLAPPING_PROTOCOLS)
    return made


class Exchange(Closing):
    """One exchange on one connection."""

    def __init__(self, card, sock, is_server=False):
        self.card, self.k = card, secrets.token_bytes(32)
        self.stream = OpenSslStream(sock, context(card if is_server else None))
        if not is_server:
            self.stream.tls.set_connect_state()
        self.stream.handshake()
        self.link = wire.Link(self.stream)
        self.exporter = self.stream.tls.export_keying_material(b"EXPORTER-pz-pair", 32)
        self.other_info = self.other_commit = None
        self.other_k = bytes(32)

    def send(self, status, **message):
        self.link.send(wire.prop("stranger", status, message))

    def expect(self, status):
        return self.link.expect_prop(status)

    def hello(self, **changes):
        commit = arithmetic.commitment(self.card.identity, self.card.info, self.k)
        self.send("pairHello", **{"info": self.card.info, "commit": base64.b64encode(commit).decode(), **changes})

    def take_hello(self):
        message = self.expect("pairHello")
        self.other_info, self.other_commit = message["info"], base64.b64decode(message["commit"])
        return json.loads(self.other_info)

    def sides(self):
        mine = (self.card.identity, self.card.info, self.k)
        return mine, (identity_of(self.other_info), self.other_info, self.other_k)

    def reveal(self, **changes):
        mine, other = self.sides()
        proof = self.card.sign(arithmetic.proof_words(mine, other, self.exporter))
        self.send("pairReveal", **{"k": base64.b64encode(self.k).decode(), "proof": proof, **changes})

    def take_reveal(self):
        message = self.expect("pairReveal")
        self.other_k = base64.b64decode(message["k"])
        _, other = self.sides()
        assert arithmetic.commitment(*other) == self.other_commit
        return message

    def digits(self):
        return arithmetic.digits(*self.sides(), self.exporter)

    def secret(self):
        return arithmetic.secret(*self.sides(), self.exporter)

    def meet(self):
        """Both are committed and both have revealed, as the side that dialled."""
        self.hello()
        self.take_hello()
        self.take_reveal()
        self.reveal()
        return self.digits()

    def close(self):
        self.stream.close()


def dial(port, card, host="127.0.0.1"):
    sock = socket.create_connection((host, port), timeout=10)
    try:
        return Exchange(card, sock)
    except BaseException:
        sock.close()
        raise
