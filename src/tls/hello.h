/* Extensions of a ClientHello: server name and ALPN, which choose the zone, and those that prove a
 * secret. Pure parsers. */
#ifndef PZ_TLS_HELLO_H
#define PZ_TLS_HELLO_H

#include <stdbool.h>

#include "base/err.h"
#include "base/slice.h"

#define PZ_TLS_LABEL_BYTES 64 /* one DNS label of at most 63 bytes (RFC 1035 2.3.4) and NUL */

/**
 * First label of the host name in a server_name extension, lower-cased.
 * @param ext the extension's body
 * @param out "" for an empty name list; untouched on failure
 * Errors: PROTO (malformed, no host name, or a label of other bytes than letters, digits, - and _).
 * @spec RFC 6066 3, page 2 "The hub reads the first label only"
 */
enum pz_err pz_tls_hello_label(struct pz_slice ext, char out[PZ_TLS_LABEL_BYTES]) PZ_MUST_USE;

/** What a client offered that we know. */
struct pz_tls_alpn {
	bool zone;   /* pz/1 */
	bool enrol;  /* pz-enrol/1 */
	bool pair;   /* pz-pair/1 */
	bool friend; /* pz-friend/1 */
};

/**
 * Protocols of an application_layer_protocol_negotiation extension.
 * @param ext the extension's body
 * Errors: PROTO (malformed). *out is untouched then.
 * @spec RFC 7301 3.1
 */
enum pz_err pz_tls_hello_alpn(struct pz_slice ext, struct pz_tls_alpn *out) PZ_MUST_USE;

/**
 * The first identity of a pre_shared_key extension.
 * @param ext the extension's body
 * @param out a part of it
 * Errors: PROTO (malformed as far as the end of the identities). *out is untouched then.
 * @spec RFC 8446 4.2.11, page 6 "A port that shows no name"
 */
enum pz_err pz_tls_hello_identity(struct pz_slice ext, struct pz_slice *out) PZ_MUST_USE;

/**
 * The public key of a key_share extension that has just one.
 * @param ext the extension's body
 * @param out a part of it
 * Errors: PROTO (malformed, or another number of keys than one). *out is untouched then.
 * @spec RFC 8446 4.2.8, page 6 "A port that shows no name"
 */
enum pz_err pz_tls_hello_key(struct pz_slice ext, struct pz_slice *out) PZ_MUST_USE;

#endif
