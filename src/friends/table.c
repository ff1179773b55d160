/* The table of friends: by zone, in the order in which they were added. */
#include <stdlib.h>

#include "base/map.h"
#include "friends/friend.h"

struct pz_friends {
	struct pz_map *by_zone; /* struct pz_friend */
};

struct pz_friends *
pz_friends_new(void)
{
	struct pz_friends *friends = calloc(1, sizeof(*friends));

	if (friends && (friends->by_zone = pz_map_new()) == NULL) {
		free(friends);
		return NULL;
	}
	return friends;
}

void
pz_friends_free(struct pz_friends *friends)
{
	size_t pos = 0;
	void *f;

	if (friends == NULL)
		return;
	while (pz_map_next(friends->by_zone, &pos, NULL, &f))
		pz_friend_free(f);
	pz_map_free(friends->by_zone);
	free(friends);
}

size_t
pz_friends_len(const struct pz_friends *friends)
{
	return pz_map_len(friends->by_zone);
}

struct pz_friend *
pz_friends_find(const struct pz_friends *friends, struct pz_slice zone)
{
	return friends ? pz_map_get(friends->by_zone, zone) : NULL;
}

struct pz_friend *
pz_friends_next(const struct pz_friends *friends, size_t *pos)
{
	void *f;

	return friends && pz_map_next(friends->by_zone, pos, NULL, &f) ? f : NULL;
}

enum pz_err
pz_friends_put(struct pz_friends *friends, struct pz_friend *takes, struct pz_errinfo *info)
{
	const struct pz_slice zone = pz_slice_str(takes->zone);
	void *before = NULL;

	if (pz_map_get(friends->by_zone, zone) == NULL &&
	    pz_map_len(friends->by_zone) >= PZ_FRIENDS_MAX) {
		pz_friend_free(takes);
		return pz_fail(info, PZ_ERR_LIMIT,
			       "there are %d friends already; remove one with `friend remove`",
			       PZ_FRIENDS_MAX);
	}
	enum pz_err err = pz_map_put(friends->by_zone, zone, takes, &before);
	pz_friend_free(err == PZ_OK ? before : takes);
	return err == PZ_OK ? PZ_OK : pz_fail(info, err, "out of memory");
}

bool
pz_friends_remove(struct pz_friends *friends, struct pz_slice zone)
{
	struct pz_friend *f = pz_map_get(friends->by_zone, zone);

	if (f == NULL)
		return false;
	pz_map_remove(friends->by_zone, zone); /* the name may be the friend's own member */
	pz_friend_free(f);
	return true;
}

enum pz_err
pz_friends_add_trust(const struct pz_friends *friends, struct pz_trust *trust,
		     struct pz_errinfo *info)
{
	size_t pos = 0;
	const struct pz_friend *f;

	while ((f = pz_friends_next(friends, &pos)) != NULL) {
		enum pz_err err = pz_trust_add(trust, f->ca, f->crl, info);
		/* The set may contain this CA already. */
		if (err != PZ_OK && err != PZ_ERR_EXISTS)
			return err;
	}
	return PZ_OK;
}
