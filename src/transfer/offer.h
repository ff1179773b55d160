/* What channelOpen says of a file (page 15 "Kind file"), from both ends, and the end of one. */
#ifndef PZ_TRANSFER_OFFER_H
#define PZ_TRANSFER_OFFER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"

#define PZ_TRANSFER_HASH_BYTES 32
#define PZ_TRANSFER_HASH_HEX_BYTES (2 * PZ_TRANSFER_HASH_BYTES + 1)

/** One file that is offered. Names that it holds were judged. */
struct pz_transfer_offer {
	char id[PZ_TRANSFER_ID_BYTES_MAX + 1]; /* of this sending, the same in each try */
	char name[PZ_TRANSFER_NAME_BYTES_MAX + 1];
	char path[PZ_TRANSFER_PATH_BYTES_MAX + 1]; /* "a/b", or "" */
	uint64_t size;                             /* bytes, where has_size */
	int64_t mtime_ms;                          /* since 1970; 0: not known */
	char sha256[PZ_TRANSFER_HASH_HEX_BYTES];   /* of the whole file, or "" */
	bool has_size;
	bool no_digest; /* of the whole file: the opener compares none */
	bool is_fresh;  /* what is there of an earlier try does not count */
};

/** Reads the members of a channelOpen. @param out untouched on failure @param info what is wrong
 * Errors: PROTO_MEMBER. */
enum pz_err pz_transfer_offer_parse(const json_t *message, struct pz_transfer_offer *out,
				    struct pz_errinfo *info) PZ_MUST_USE;
/** The members of a channelOpen. New; NULL: out of memory. */
json_t *pz_transfer_offer_json(const struct pz_transfer_offer *offer);

/** From the message with which a receiver has closed with `ok`: the digest; NULL where it says
 * none, or a malformed one. Borrowed from the message. */
const char *pz_transfer_receipt_sha256(const json_t *message);
/** The same of where the file is, below the inbox: a text that may be shown; else NULL. */
const char *pz_transfer_receipt_file(const json_t *message);

/**
 * Joins the components of a path with '/'.
 * @param path array of names, or NULL for none @param info which one is wrong
 * Errors: PROTO_MEMBER (no array of names, too deep, too long).
 */
enum pz_err pz_transfer_path_join(const json_t *path, char out[PZ_TRANSFER_PATH_BYTES_MAX + 1],
				  struct pz_errinfo *info) PZ_MUST_USE;

#endif
