"""Revocation lists on the wire, as page 8 has them."""

import time

from cryptography import x509

from . import wire


def crl_data(sender, to, pem, status="Update_Data", key=None):
    """A list, given unasked. Of the sender's zone where `key` does not say another."""
    zone = sender.split("/")[0]
    chunk = {"key": key or zone, "value": pem, "mtime": int(time.time() * 1000), "origin": zone,
             "deleted": False}
    return wire.prop(sender, status, {"crl": [chunk]}, to=to)


def held_list(link, me, other):
    """The list that the other end has, as it gives it to whoever asks."""
    zone = me.split("/")[0]
    link.send(wire.prop(me, "Update_Data", {"want": {"crl": [zone]}}, to=other))
    found = link.expect(lambda m: m.get("payload", {}).get("status", "").endswith("_Data")
                        and "crl" in m["payload"]["message"])
    return found["payload"]["message"]["crl"][0]["value"]


def number_of(pem):
    crl = x509.load_pem_x509_crl(pem.encode())
    return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
