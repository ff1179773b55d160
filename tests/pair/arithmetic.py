"""The arithmetic of two strangers' exchange, from docs/spec/06-peers.md ("Strangers") alone."""

import hashlib
import hmac


def leb128(number):
    out = bytearray()
    while True:
        number, low = number >> 7, number & 0x7F
        out.append(low | (0x80 if number else 0))
        if not number:
            return bytes(out)


def lv_cat(*parts):
    """Each part with its length before it (page 3)."""
    return b"".join(leb128(len(part)) + part for part in parts)


def commitment(identity, info, k):
    return hashlib.sha256(lv_cat(b"pz-pair/1", identity.encode(), info.encode(), k)).digest()


def _in_order(one, other):
    """Both sides as (identity, info, k): A, the bytewise smaller identity, first."""
    return (one, other) if one[0].encode() < other[0].encode() else (other, one)


def _mac(one, other, *parts):
    key = bytes(x ^ y for x, y in zip(one[2], other[2]))
    return hmac.new(key, lv_cat(*parts), hashlib.sha256).digest()


def digits(one, other, exporter):
    a, b = _in_order(one, other)
    tag = _mac(a, b, a[1].encode(), b[1].encode(), exporter)
    return f"{int.from_bytes(tag[:4], 'big') % 10 ** 6:06d}"


def secret(one, other, exporter):
    a, b = _in_order(one, other)
    return _mac(a, b, b"pz-pair/1 friend", a[1].encode(), b[1].encode(), exporter)


def proof_words(signer, other, exporter):
    a, b = _in_order(signer, other)
    return lv_cat(b"pz-pair/1 proof", signer[0].encode(), a[1].encode(), b[1].encode(), exporter)
