/* Shared by the files of this module: PEM in and out, names, signature algorithms, times. Not for
 * other modules. */
#ifndef PZ_X509_ENCODE_H
#define PZ_X509_ENCODE_H

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "x509/cert.h"

PZ_AUTO_DEFINE(BIO, BIO_free_all)
PZ_AUTO_DEFINE(X509, X509_free)
PZ_AUTO_DEFINE(X509_REQ, X509_REQ_free)
PZ_AUTO_DEFINE(X509_CRL, X509_CRL_free)
PZ_AUTO_DEFINE(EVP_PKEY, EVP_PKEY_free)
PZ_AUTO_DEFINE(EVP_MD_CTX, EVP_MD_CTX_free)
PZ_AUTO_DEFINE(GENERAL_NAMES, GENERAL_NAMES_free)
PZ_AUTO_DEFINE(ASN1_INTEGER, ASN1_INTEGER_free)
PZ_AUTO_DEFINE(ASN1_TIME, ASN1_TIME_free)
PZ_AUTO_DEFINE(BIGNUM, BN_free)

#define PZ_CN_BYTES_MAX 64 /* RFC 5280 appendix A, ub-common-name */
/* "pz:" zone "/" device, every byte escaped */
#define PZ_URI_BYTES_MAX (4 + 3 * (PZ_ZONE_BYTES_MAX + PZ_DEVICE_BYTES_MAX))

/** The identity in a `pz:` URI. */
struct pz_identity {
	char zone[PZ_ZONE_BYTES_MAX + 1];
	char device[PZ_DEVICE_BYTES_MAX + 1]; /* "" = hub */
};

/**
 * Reports a failure of OpenSSL: "<what>: <reason>", and empties OpenSSL's error queue, which would
 * otherwise spoil the next SSL_get_error of this thread. Becomes LIMIT_MEMORY when that was it.
 */
enum pz_err pz_openssl_fail(struct pz_errinfo *info, enum pz_err err, const char *what);

/**
 * Takes exactly one PEM block called `name` and nothing but white space around it.
 * @param out DER; free with OPENSSL_clear_free
 * Errors: PROTO, LIMIT (over max bytes), LIMIT_MEMORY.
 */
enum pz_err pz_pem_read(struct pz_slice pem, size_t max, const char *name, uint8_t **out,
			size_t *out_len, struct pz_errinfo *info) PZ_MUST_USE;

/** Appends the contents of a memory BIO. Errors: LIMIT_QUEUE, LIMIT_MEMORY. */
enum pz_err pz_bio_to_buf(BIO *bio, struct pz_buf *out) PZ_MUST_USE;

/**
 * Fills a CN template: %z zone, %d device, %h host; cut to PZ_CN_BYTES_MAX bytes between UTF-8
 * characters.
 */
void pz_cn_format(const char *tmpl, const struct pz_cert_subject *subject,
		  char out[PZ_CN_BYTES_MAX + 1]);

/** Checks the names by page 1. @param has_device also the device. Errors: PROTO_ADDRESS. */
enum pz_err pz_subject_check(const struct pz_cert_subject *subject, bool has_device,
			     struct pz_errinfo *info) PZ_MUST_USE;

/** A name list with the SAN URI alone; NULL: out of memory. The names must have been checked. */
GENERAL_NAMES *pz_san_new(const struct pz_cert_subject *subject, bool has_device);
/** Adds one name and takes the string. False: out of memory. */
bool pz_san_add(GENERAL_NAMES *names, int type, ASN1_STRING *value);

/** Reads the one `pz:` URI of the list. Errors: PROTO, LIMIT_MEMORY. */
enum pz_err pz_san_identity(const GENERAL_NAMES *names, struct pz_identity *out) PZ_MUST_USE;

/**
 * SHA-256 over the SubjectPublicKeyInfo of a certificate; equals pz_key_spki_hash of its key, also
 * when the certificate writes the key in an unusual way. False: the key is unusable, or no memory.
 */
bool pz_x509_spki_hash(X509 *x, uint8_t out[PZ_KEY_HASH_BYTES]);

/** The error for a chain that OpenSSL refuses. DENIED_CHAIN for all reasons that have no other
 * category. @param x509_error X509_V_ERR_… */
enum pz_err pz_x509_verify_err(int x509_error);

/** The digest that signs with this key; NULL for keys that bring their own (Ed25519). */
const EVP_MD *pz_digest_for(EVP_PKEY *pkey);
/** Milliseconds since 1970 UTC; 0 before that. False: unreadable. */
bool pz_asn1_time_ms(const ASN1_TIME *t, uint64_t *out_ms);
/** The opposite. False: out of memory or out of range. */
bool pz_asn1_time_set(ASN1_TIME *t, uint64_t ms);

/** False: negative or over 32 octets. */
bool pz_serial_format(const ASN1_INTEGER *serial, char out[PZ_SERIAL_HEX_BYTES]);
/** NULL: not hex, or out of memory. */
ASN1_INTEGER *pz_serial_parse(const char *hex);

#endif
