/*
 * Every entry is in two lists: its peer's (for the limit of one peer) and the list of all, which is
 * in order of expiry since all live equally long. One timer waits for the oldest.
 */
#include "service/replay.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/list.h"
#include "base/map.h"
#include "service/dispatch.h"

struct peer {
	struct pz_list entries; /* entry.in_peer, oldest first */
	size_t count;
	size_t name_len;
	char name[];
};

struct entry {
	struct pz_list in_peer, in_all;
	struct peer *peer;
	uint64_t expires_us;
	size_t key_len;
	char key[];
};

struct pz_replay {
	const struct pz_env *env;
	struct pz_map *keys;  /* to struct entry */
	struct pz_map *peers; /* to struct peer */
	struct pz_list all;   /* entry.in_all, oldest first */
	struct pz_timer timer;
};

static void
forget(struct pz_replay *w, struct entry *e)
{
	struct peer *peer = e->peer;
	(void)pz_map_remove(w->keys, pz_slice_of(e->key, e->key_len));
	pz_list_remove(&e->in_peer);
	pz_list_remove(&e->in_all);
	free(e);
	if (--peer->count == 0) {
		(void)pz_map_remove(w->peers, pz_slice_of(peer->name, peer->name_len));
		free(peer);
	}
}

static struct entry *
oldest(const struct pz_replay *w)
{
	struct pz_list *node = pz_list_first(&w->all);
	return node ? PZ_CONTAINER(node, struct entry, in_all) : NULL;
}

static void
on_timer(struct pz_timer *timer, void *arg)
{
	struct pz_replay *w = arg;
	uint64_t now = pz_env_mono_us(w->env);
	struct entry *e;
	while ((e = oldest(w)) != NULL && e->expires_us <= now)
		forget(w, e);
	if (e)
		pz_env_start(w->env, timer, e->expires_us - now);
}

struct pz_replay *
pz_replay_new(const struct pz_env *env)
{
	struct pz_replay *w = calloc(1, sizeof(*w));
	if (w == NULL)
		return NULL;
	w->env = env;
	pz_list_init(&w->all);
	pz_timer_init(&w->timer, on_timer, w);
	w->keys = pz_map_new();
	w->peers = pz_map_new();
	if (!w->keys || !w->peers) {
		pz_replay_free(w);
		return NULL;
	}
	return w;
}

void
pz_replay_free(struct pz_replay *w)
{
	if (w == NULL)
		return;
	for (struct entry *e; (e = oldest(w)) != NULL;)
		forget(w, e);
	pz_env_stop(w->env, &w->timer);
	pz_map_free(w->keys);
	pz_map_free(w->peers);
	free(w);
}

/* The peer's window, created for a new peer; NULL: out of memory. */
static struct peer *
peer_of(struct pz_replay *w, struct pz_slice node)
{
	struct peer *peer = pz_map_get(w->peers, node);
	if (peer)
		return peer;
	peer = calloc(1, sizeof(*peer) + node.len + 1);
	if (peer == NULL)
		return NULL;
	pz_list_init(&peer->entries);
	memcpy(peer->name, node.ptr, node.len);
	peer->name_len = node.len;
	if (pz_map_put(w->peers, node, peer, NULL) != PZ_OK) {
		free(peer);
		return NULL;
	}
	return peer;
}

static void
make_room(struct pz_replay *w, struct pz_slice node)
{
	const struct peer *peer = pz_map_get(w->peers, node);
	/* A peer first pushes out its own ids, so it cannot make this device forget those of
	 * others. The total limit bounds memory for very many peers. */
	if (peer && peer->count >= PZ_REPLAY_WINDOW_MAX)
		forget(w, PZ_CONTAINER(pz_list_first(&peer->entries), struct entry, in_peer));
	if (pz_map_len(w->keys) >= PZ_REPLAY_TOTAL_MAX)
		forget(w, oldest(w));
}

bool
pz_replay_add(struct pz_replay *w, struct pz_slice node, struct pz_slice key)
{
	if (pz_map_get(w->keys, key))
		return false;
	make_room(w, node);
	struct entry *e = calloc(1, sizeof(*e) + key.len + 1);
	if (e == NULL)
		/* If memory is out a request counts as seen: better not executed than executed
		 * twice. */
		return false;
	memcpy(e->key, key.ptr, key.len);
	e->key_len = key.len;
	if (pz_map_put(w->keys, key, e, NULL) != PZ_OK) {
		free(e);
		return false;
	}
	e->peer = peer_of(w, node);
	if (e->peer == NULL) {
		(void)pz_map_remove(w->keys, key);
		free(e);
		return false;
	}
	e->expires_us = pz_env_mono_us(w->env) + PZ_REPLAY_TTL_US;
	e->peer->count++;
	pz_list_append(&e->peer->entries, &e->in_peer);
	pz_list_append(&w->all, &e->in_all);
	if (!w->timer.active)
		pz_env_start(w->env, &w->timer, PZ_REPLAY_TTL_US);
	return true;
}
