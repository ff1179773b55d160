"""
The proof in a ClientHello that its sender knows a secret of the zone (page 6, "A port that shows no
name"): the identity of a pre-shared key that no server uses. By ctypes, since neither Python's ssl
nor pyOpenSSL shows a client its own public key in time.
"""

import ctypes
import ctypes.util
import hashlib
import hmac

from OpenSSL import SSL

_ssl = ctypes.CDLL(ctypes.util.find_library("ssl"))
_crypto = ctypes.CDLL(ctypes.util.find_library("crypto"))

CTRL_GET_TMP_KEY, TLS1_3 = 133, 0x0304
SUITE = b"\x13\x01"  # TLS_AES_128_GCM_SHA256

_Offer = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p,
                          ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ctypes.c_size_t),
                          ctypes.POINTER(ctypes.c_void_p))
for library, name, result, *parameters in (
        (_ssl, "SSL_ctrl", ctypes.c_long, ctypes.c_void_p, ctypes.c_int, ctypes.c_long,
         ctypes.c_void_p),
        (_ssl, "SSL_get_client_random", ctypes.c_size_t, ctypes.c_void_p, ctypes.c_char_p,
         ctypes.c_size_t),
        (_ssl, "SSL_set_psk_use_session_callback", None, ctypes.c_void_p, _Offer),
        (_ssl, "SSL_SESSION_new", ctypes.c_void_p),
        (_ssl, "SSL_CIPHER_find", ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p),
        (_ssl, "SSL_SESSION_set1_master_key", ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p,
         ctypes.c_size_t),
        (_ssl, "SSL_SESSION_set_cipher", ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p),
        (_ssl, "SSL_SESSION_set_protocol_version", ctypes.c_int, ctypes.c_void_p, ctypes.c_int),
        (_crypto, "EVP_PKEY_get1_encoded_public_key", ctypes.c_size_t, ctypes.c_void_p,
         ctypes.POINTER(ctypes.c_void_p)),
        (_crypto, "EVP_PKEY_free", None, ctypes.c_void_p),
        (_crypto, "CRYPTO_free", None, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int)):
    function = getattr(library, name)
    function.restype, function.argtypes = result, parameters


def make(secret, client_random, public_key):
    """Page 6."""
    return hmac.new(secret, b"pz-hello/1" + client_random + public_key, hashlib.sha256).digest()


def _public_key(tls):
    pair, key = ctypes.c_void_p(), ctypes.c_void_p()
    assert _ssl.SSL_ctrl(tls, CTRL_GET_TMP_KEY, 0, ctypes.byref(pair)) == 1
    length = _crypto.EVP_PKEY_get1_encoded_public_key(pair, ctypes.byref(key))
    data = ctypes.string_at(key, length)
    _crypto.CRYPTO_free(key, b"", 0)
    _crypto.EVP_PKEY_free(pair)
    return data


def offer(connection, secret):
    """Lets a pyOpenSSL connection prove the secret, before its handshake. Keep what is returned."""
    kept = {}

    @_Offer
    def on_offer(tls, _digest, identity, length, session):
        client_random = ctypes.create_string_buffer(32)
        assert _ssl.SSL_get_client_random(tls, client_random, 32) == 32
        kept["proof"] = ctypes.create_string_buffer(
            make(secret, client_random.raw, _public_key(tls)), 32)
        made = _ssl.SSL_SESSION_new()
        _ssl.SSL_SESSION_set1_master_key(made, bytes(range(32)), 32)  # it is never used
        _ssl.SSL_SESSION_set_cipher(made, _ssl.SSL_CIPHER_find(tls, SUITE))
        _ssl.SSL_SESSION_set_protocol_version(made, TLS1_3)
        identity[0], length[0] = ctypes.addressof(kept["proof"]), 32
        session[0] = made
        return 1

    tls = int(SSL._ffi.cast("uintptr_t", connection._ssl))
    _ssl.SSL_set_psk_use_session_callback(tls, on_offer)
    return on_offer
