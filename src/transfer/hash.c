/*
 * SHA-256 of a file while it is sent or received, with intermediate digests. An error of OpenSSL is
 * kept and makes every digest empty: callers compare texts and need no further branch.
 */
#include "transfer/hash.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "base/codec.h"

struct pz_hash {
	EVP_MD_CTX *all, *copy; /* the copy is for digests in between, without an allocation */
	bool is_broken;
};

struct pz_hash *
pz_hash_new(void)
{
	struct pz_hash *hash = calloc(1, sizeof(*hash));

	if (hash == NULL)
		return NULL;
	hash->all = EVP_MD_CTX_new();
	hash->copy = EVP_MD_CTX_new();
	if (hash->all == NULL || hash->copy == NULL) {
		pz_hash_free(hash);
		return NULL;
	}
	pz_hash_reset(hash);
	return hash;
}

void
pz_hash_free(struct pz_hash *hash)
{
	if (hash == NULL)
		return;
	EVP_MD_CTX_free(hash->all);
	EVP_MD_CTX_free(hash->copy);
	free(hash);
}

void
pz_hash_reset(struct pz_hash *hash)
{
	hash->is_broken = EVP_DigestInit_ex(hash->all, EVP_sha256(), NULL) != 1;
}

void
pz_hash_add(struct pz_hash *hash, struct pz_slice bytes)
{
	if (bytes.len > 0 && EVP_DigestUpdate(hash->all, bytes.ptr, bytes.len) != 1)
		hash->is_broken = true;
}

/* A failed digest counts as none: the text is empty, which equals no digest of the other end. */
void
pz_hash_hex(const struct pz_hash *hash, char out[PZ_TRANSFER_HASH_HEX_BYTES])
{
	uint8_t digest[PZ_TRANSFER_HASH_BYTES];

	out[0] = '\0';
	if (!hash->is_broken && EVP_MD_CTX_copy_ex(hash->copy, hash->all) == 1 &&
	    EVP_DigestFinal_ex(hash->copy, digest, NULL) == 1)
		pz_hex_encode(digest, sizeof(digest), out);
}
