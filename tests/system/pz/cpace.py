"""CPace (draft-irtf-cfrg-cpace) with ristretto255 and SHA-512, and the tags of page 3."""

import ctypes
import hashlib
import hmac

_sodium = ctypes.CDLL("libsodium.so.23")
assert _sodium.sodium_init() >= 0

DSI = b"CPaceRistretto255"
HASH_BLOCK = 128  # of SHA-512


def prepend_len(data):
    """LEB128 length, then the data."""
    n, out = len(data), bytearray()
    while True:
        out.append(n & 0x7F | (0x80 if n > 0x7F else 0))
        n >>= 7
        if n == 0:
            return bytes(out) + data


def lv_cat(*parts):
    return b"".join(prepend_len(part) for part in parts)


def generator(prs, ci, sid):
    pad = max(0, HASH_BLOCK - 1 - len(prepend_len(prs)) - len(prepend_len(DSI)))
    seed = hashlib.sha512(lv_cat(DSI, prs, bytes(pad), ci, sid)).digest()
    point = ctypes.create_string_buffer(32)
    assert _sodium.crypto_core_ristretto255_from_hash(point, seed) == 0
    return point.raw


def scalar():
    out = ctypes.create_string_buffer(32)
    _sodium.crypto_core_ristretto255_scalar_random(out)
    return out.raw


def multiply(secret, point):
    """Raises ValueError for a point that is none, and for the neutral element."""
    out = ctypes.create_string_buffer(32)
    if _sodium.crypto_scalarmult_ristretto255(out, secret, point) != 0:
        raise ValueError("not a valid share")
    return out.raw


def intermediate_key(sid, k, ya, ada, yb, adb):
    """ISK of the initiator-responder form."""
    transcript = lv_cat(ya, ada) + lv_cat(yb, adb)
    return hashlib.sha512(lv_cat(DSI + b"_ISK", sid, k) + transcript).digest()


class Exchange:
    """One side of the exchange of page 3."""

    def __init__(self, code, zone, device, sid):
        self.sid = sid
        ci = lv_cat(b"pz-enrol/1", zone.encode(), device.encode())
        self.secret = scalar()
        self.share = multiply(self.secret, generator(code.replace("-", "").encode(), ci, sid))

    def finish(self, other, is_initiator):
        k = multiply(self.secret, other)
        ya, yb = (self.share, other) if is_initiator else (other, self.share)
        isk = intermediate_key(self.sid, k, ya, b"", yb, b"")
        self.kc = hmac.digest(isk, b"pz-enrol/1 confirm", "sha512")
        self.transcript = lv_cat(ya, b"") + lv_cat(yb, b"")

    def tag_a(self, csr):
        return hmac.digest(self.kc, b"A" + self.transcript + hashlib.sha256(csr).digest(), "sha512")

    def tag_b(self):
        return hmac.digest(self.kc, b"B" + self.transcript, "sha512")
