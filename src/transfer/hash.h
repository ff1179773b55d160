/* SHA-256 of bytes as they come: OpenSSL's, which uses the processor's instructions. */
#ifndef PZ_TRANSFER_HASH_H
#define PZ_TRANSFER_HASH_H

#include <stdbool.h>

#include "base/slice.h"
#include "transfer/offer.h"

struct pz_hash;

/** Of no bytes yet. NULL: out of memory. */
struct pz_hash *pz_hash_new(void);
/** NULL is fine. */
void pz_hash_free(struct pz_hash *hash);
/** Begins again. */
void pz_hash_reset(struct pz_hash *hash);
/** More bytes. */
void pz_hash_add(struct pz_hash *hash, struct pz_slice bytes);
/** The digest of what came so far, as hex; more may follow. */
void pz_hash_hex(const struct pz_hash *hash, char out[PZ_TRANSFER_HASH_HEX_BYTES]);

#endif
