"""Certificates of page 2, right ones and wrong ones."""

import datetime
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SKEW = datetime.timedelta(minutes=5)


def new_key(kind="ec-p256"):
    if kind.startswith("rsa"):
        return rsa.generate_private_key(65537, int(kind[3:]))
    curves = {"ec-p256": ec.SECP256R1, "ec-p384": ec.SECP384R1, "ec-p192": ec.SECP192R1}
    return ec.generate_private_key(curves[kind]())


def identity_uri(zone, device=None):
    return f"pz:{zone}/{device}" if device else f"pz:{zone}"


def ca_name(zone, device):
    return f"Pzp:{zone}:{device}"


def name(common_name):
    """A subject; page 2 cuts a CN to 64 bytes."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name.encode()[:64].decode())])


def host_name(host):
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


class Issuer:
    """A CA certificate with its key."""

    def __init__(self, cert, key):
        self.cert, self.key = cert, key


def make(subject, key, issuer=None, uri=None, hosts=(), ca=False, pathlen=None, days=90,
         start=None, server=True, client=True, usage=True, digest=None, serial=None):
    """One certificate. `issuer` None signs it with itself; `start` is notBefore as an offset in days."""
    now = datetime.datetime.utcnow()
    begins = now - SKEW if start is None else now + datetime.timedelta(days=start)
    public = key.public_key()
    signer = issuer.key if issuer else key
    issuer_name = issuer.cert.subject if issuer else name(subject)
    builder = (x509.CertificateBuilder().subject_name(name(subject)).issuer_name(issuer_name)
               .public_key(public).serial_number(serial or x509.random_serial_number())
               .not_valid_before(begins)
               .not_valid_after(begins + datetime.timedelta(days=days))
               .add_extension(x509.BasicConstraints(ca, pathlen if ca else None), critical=True)
               .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
               .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
                   signer.public_key()), critical=False))
    names = ([x509.UniformResourceIdentifier(uri)] if uri else []) + [host_name(h) for h in hosts]
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if usage:
        builder = builder.add_extension(
            x509.KeyUsage(digital_signature=not ca, content_commitment=False,
                          key_encipherment=False, data_encipherment=False, key_agreement=False,
                          key_cert_sign=ca, crl_sign=ca and pathlen != 0, encipher_only=False,
                          decipher_only=False), critical=True)
    purposes = ([ExtendedKeyUsageOID.SERVER_AUTH] if server else []) + (
        [ExtendedKeyUsageOID.CLIENT_AUTH] if client else [])
    if purposes and not ca:
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    return builder.sign(signer, digest or hashes.SHA256())


def make_csr(common_name, uri, key):
    """The request of page 3, step 3: subject and SAN as they shall be in the certificate."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(name(common_name))
    if uri:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)]), critical=False)
    return pem(builder.sign(key, hashes.SHA256()))


def device_leaf(zone, device, issuer, key=None, **more):
    """PZP TLS certificate and its key."""
    key = key or new_key()
    more.setdefault("uri", identity_uri(zone, device))
    return make(device, key, issuer, **more), key


class Authority:
    """A zone's PKI as its hub has it."""

    def __init__(self, zone, host="127.0.0.1"):
        self.zone, self.host = zone, host
        key = new_key()
        self.ca = Issuer(make(f"Pzh:{host}:{zone}", key, uri=identity_uri(zone), ca=True, pathlen=1,
                              days=7300), key)
        self.tls_key = new_key()
        self.tls = make(host, self.tls_key, self.ca, uri=identity_uri(zone), hosts=[host], days=397)

    def crl(self, number=1, revoked=()):
        now = datetime.datetime.utcnow()
        builder = (x509.CertificateRevocationListBuilder().issuer_name(self.ca.cert.subject)
                   .last_update(now - SKEW).next_update(now + datetime.timedelta(days=7))
                   .add_extension(x509.CRLNumber(number), critical=False)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
                       self.ca.key.public_key()), critical=False))
        for serial in revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now).build())
        return builder.sign(self.ca.key, hashes.SHA256())

    def sign_device(self, device, public_key_owner, uri=None, **more):
        """PZP CA for the key of a CSR."""
        more.setdefault("days", 3650)
        return _sign_public(ca_name(self.zone, device), public_key_owner.public_key(), self.ca,
                            uri or identity_uri(self.zone, device), **more)

    def device(self, device):
        """A PZP CA of this zone, with a key of our own."""
        key = new_key()
        return Issuer(self.sign_device(device, key), key)


def _sign_public(subject, public, issuer, uri, days):
    now = datetime.datetime.utcnow()
    return (x509.CertificateBuilder().subject_name(name(subject)).issuer_name(issuer.cert.subject)
            .public_key(public).serial_number(x509.random_serial_number())
            .not_valid_before(now - SKEW).not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.BasicConstraints(True, 0), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
                issuer.key.public_key()), critical=False)
            .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)]),
                           critical=False)
            .add_extension(x509.KeyUsage(False, False, False, False, False, True, False, False,
                                         False), critical=True)
            .sign(issuer.key, hashes.SHA256()))


def pem(thing):
    """PEM text of a certificate, request, CRL, or private key."""
    if hasattr(thing, "private_bytes"):
        return thing.private_bytes(serialization.Encoding.PEM,
                                   serialization.PrivateFormat.PKCS8,
                                   serialization.NoEncryption()).decode()
    return thing.public_bytes(serialization.Encoding.PEM).decode()


def read_pem(text):
    return x509.load_pem_x509_certificate(text.encode())


def uris(cert):
    names = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return names.get_values_for_type(x509.UniformResourceIdentifier)
