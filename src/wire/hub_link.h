/* Links to a hub, typed, clicked or scanned: scheme://host:port/zone?name=value&... */
#ifndef PZ_WIRE_HUB_LINK_H
#define PZ_WIRE_HUB_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "wire/address.h"

/** A link without its parameters' meaning. */
struct pz_hub_link {
	char host[PZ_HOST_BYTES_MAX + 1]; /* name or address, IPv6 without brackets */
	uint16_t port;
	char zone[PZ_ZONE_BYTES_MAX + 1];
	struct pz_slice query; /* what stands between '?' and '#', borrowed */
};

/**
 * Appends the link without parameters.
 * @param scheme with "://"
 * @param host name or address; an IPv6 literal (with or without brackets) is put in brackets
 * @param zone as it is; what is not safe in a path is percent-encoded
 * Errors: CONFIG (empty or impossible host, port 0), LIMIT_QUEUE, LIMIT_MEMORY.
 */
enum pz_err pz_hub_link_format(const char *scheme, const char *host, uint16_t port,
			       const char *zone, struct pz_buf *out) PZ_MUST_USE;

/**
 * Reads a link. Scheme in any case; host and port required; the zone percent-decoded and
 * lower-cased.
 * @param scheme with "://"
 * @param link NUL-terminated, white space at the ends ignored
 * @param out untouched on failure
 * @param info may be NULL
 * Errors: NOTFOUND (another scheme; info is untouched), CONFIG (with a line that says what is
 * wrong), LIMIT_MEMORY.
 */
enum pz_err pz_hub_link_parse(const char *scheme, const char *link, struct pz_hub_link *out,
			      struct pz_errinfo *info) PZ_MUST_USE;

/** Takes the next parameter off the front of a query. @return false: there are no more */
bool
pz_hub_link_next(struct pz_slice *query, struct pz_slice *out_name, struct pz_slice *out_value);

/** Bytes of the longest server name, with its NUL. */
#define PZ_HUB_SNI_BYTES (PZ_SNI_TAG_CHARS + 1 + PZ_HOST_BYTES_MAX + 1)
/** The server name that chooses a zone at its hub in a handshake and shows an observer no name.
 * @spec page 2 "TLS" */
void pz_hub_sni(const char *zone, const char *host, char out[PZ_HUB_SNI_BYTES]);

/** Percent-decodes into a string of a fixed size, whose memory is wiped on the way. Errors: CONFIG
 * (malformed, or too long), LIMIT_MEMORY. */
enum pz_err pz_hub_link_decode(struct pz_slice part, char *out, size_t out_size) PZ_MUST_USE;

#endif
