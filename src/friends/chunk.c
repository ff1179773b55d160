/*
 * Friends as synchronised items: a friend's text and its revocation list, each read and checked
 * before any of it is applied. The table of friends is table.c; how items are exchanged is `sync`.
 */
#include "friends/chunk.h"

#include <stdio.h>
#include <string.h>

static struct pz_slice
value_of(const struct pz_sync_chunk *chunk)
{
	return pz_slice_of(chunk->value, chunk->value_len);
}

enum pz_err
pz_friend_chunk_read(const char *zone, const struct pz_cert *master,
		     const struct pz_sync_chunk *chunk, struct pz_friend **out,
		     struct pz_errinfo *info)
{
	PZ_AUTO(pz_friend_free) struct pz_friend *f = NULL;

	PZ_TRY(pz_friend_parse(value_of(chunk), &f, info));
	/* A chunk replaces the chunk of the same key: a text about one zone must not be stored
	 * under the name of another. */
	if (strcmp(f->zone, chunk->key) != 0 || strcmp(f->zone, zone) == 0)
		return pz_fail(info, PZ_ERR_DENIED_IDENTITY, "the text is of %s, not of %s",
			       f->zone, chunk->key);
	PZ_TRY(pz_friend_check(f, zone, master, info));
	if (!pz_friend_is_confirmed(f))
		return pz_fail(info, PZ_ERR_DENIED, "the friendship is not confirmed");
	*out = PZ_TAKE(f);
	return PZ_OK;
}

enum pz_err
pz_friend_chunk_crl(const struct pz_friends *friends, const struct pz_sync_chunk *chunk,
		    struct pz_crl **out, struct pz_errinfo *info)
{
	const struct pz_friend *f = pz_friends_find(friends, pz_slice_str(chunk->key));
	PZ_AUTO(pz_crl_free) struct pz_crl *crl = NULL;

	if (f == NULL)
		return pz_fail(info, PZ_ERR_NOTFOUND, "CRL of a zone that is no friend");
	/* A deletion would make all revoked devices of the friend valid again. */
	if (chunk->deleted)
		return pz_fail(info, PZ_ERR_DENIED, "a CRL is never deleted");
	PZ_TRY(pz_crl_from_pem(value_of(chunk), &crl, info));
	PZ_TRY(pz_crl_verify(crl, f->ca, info));
	if (out)
		*out = PZ_TAKE(crl);
	return PZ_OK;
}

bool
pz_friend_chunk_is_old_crl(const struct pz_friends *friends, const struct pz_sync_chunk *chunk)
{
	const struct pz_friend *f = pz_friends_find(friends, pz_slice_str(chunk->key));
	PZ_AUTO(pz_crl_free) struct pz_crl *crl = NULL;

	if (f == NULL)
		/* A list of a zone that is not a friend is not needed, but is no fault of the
		 * sender. */
		return true;
	return f->crl && pz_crl_from_pem(value_of(chunk), &crl, NULL) == PZ_OK &&
	       pz_crl_number(crl) <= pz_crl_number(f->crl);
}

/* ---- the items and the table ---- */

enum pz_err
pz_friends_take_crl(struct pz_friends *friends, struct pz_sync_item *crls, const char *zone)
{
	const struct pz_sync_chunk *chunk = pz_sync_item_get(crls, zone);
	struct pz_friend *f = pz_friends_find(friends, pz_slice_str(zone));
	PZ_AUTO(pz_crl_free) struct pz_crl *crl = NULL;

	if (chunk == NULL)
		return PZ_OK;
	enum pz_err err = pz_friend_chunk_crl(friends, chunk, &crl, NULL);
	if (err == PZ_OK)
		err = pz_friend_set_crl(f, crl, NULL);
	if (err == PZ_ERR_LIMIT_MEMORY)
		return err;
	/* A list that the friend's present CA has not signed is of a former friendship;
	 * PZ_ERR_EXISTS: the list is known already. */
	if (err != PZ_OK && err != PZ_ERR_EXISTS)
		(void)pz_sync_item_remove(crls, zone);
	return PZ_OK;
}

enum pz_err
pz_friends_take(struct pz_friends *friends, const struct pz_sync_item *texts,
		struct pz_sync_item *crls, const char *own_zone, const struct pz_cert *master,
		const char *zone)
{
	const struct pz_sync_chunk *chunk = pz_sync_item_get(texts, zone);
	struct pz_friend *f = NULL;

	/* Removed first: if a step below fails, a friendship that has ended or changed must not be
	 * trusted by its old text. */
	(void)pz_friends_remove(friends, pz_slice_str(zone));
	if (chunk && !chunk->deleted) {
		PZ_TRY(pz_friend_chunk_read(own_zone, master, chunk, &f, NULL));
		PZ_TRY(pz_friends_put(friends, f, NULL));
	}
	return pz_friends_take_crl(friends, crls, zone);
}

size_t
pz_friends_drop_crls(const struct pz_friends *friends, struct pz_sync_item *crls,
		     const char *own_zone)
{
	char zone[PZ_SYNC_KEY_BYTES_MAX + 1];
	size_t i = 0, dropped = 0;

	/* The index does not advance after a removal: the next chunk has moved to this place. */
	while (i < pz_sync_item_len(crls)) {
		const struct pz_sync_chunk *chunk = pz_sync_item_at(crls, i);
		const struct pz_friend *f = pz_friends_find(friends, pz_slice_str(chunk->key));

		if (strcmp(chunk->key, own_zone) == 0 || (f && f->crl)) {
			i++;
			continue;
		}
		snprintf(zone, sizeof(zone), "%s", chunk->key);
		(void)pz_sync_item_remove(crls, zone);
		dropped++;
	}
	return dropped;
}
