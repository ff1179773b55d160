/*
 * Every entry is in the map under peer NUL id (an address holds no NUL), so only the peer that was
 * asked can answer a request. Call-backs of the owner may add and cancel requests: so an entry is
 * removed from the map before its owner is called, and fail_space first marks all entries that it
 * fails, and then takes them from the list `doomed` one by one.
 */
#include "rpc/pending.h"

#include <stdio.h>

#include "base/limits.h"
#include "base/list.h"
#include "base/map.h"
#include "rpc/error.h"
#include "wire/address.h"
#include "wire/json.h"

#define KEY_BYTES_MAX (PZ_ADDRESS_BYTES_MAX + 1 + PZ_PENDING_ID_BYTES_MAX)

struct pz_pending {
	struct pz_map *entries;
	const struct pz_env *env; /* borrowed */
	struct pz_list doomed;    /* struct entry, only while fail_space runs */
};

struct entry {
	struct pz_pending *owner;
	const struct pz_pending_ops *ops; /* borrowed */
	void *arg;                        /* borrowed, for ops */
	struct pz_timer timer;
	struct pz_list doomed;
	bool has_result; /* a stream whose result was delivered */
	size_t peer_len, key_len;
	uint8_t key[]; /* peer NUL id */
};

struct key {
	size_t peer_len, len;
	uint8_t bytes[KEY_BYTES_MAX];
};

/* False: peer or id is too long, so no entry has it. */
static bool
make_key(struct key *key, const char *peer, struct pz_slice id)
{
	key->peer_len = strlen(peer);
	if (key->peer_len > PZ_ADDRESS_BYTES_MAX || id.len > PZ_PENDING_ID_BYTES_MAX)
		return false;
	memcpy(key->bytes, peer, key->peer_len + 1);
	if (id.len > 0)
		memcpy(key->bytes + key->peer_len + 1, id.ptr, id.len);
	key->len = key->peer_len + 1 + id.len;
	return true;
}

static struct entry *
find(const struct pz_pending *p, const char *peer, struct pz_slice id)
{
	struct key key;

	return make_key(&key, peer, id) ? pz_map_get(p->entries, pz_slice_of(key.bytes, key.len))
					: NULL;
}

static void
forget(struct pz_pending *p, struct entry *entry)
{
	pz_env_stop(p->env, &entry->timer);
	pz_list_remove(&entry->doomed);
	pz_map_remove(p->entries, pz_slice_of(entry->key, entry->key_len));
	free(entry);
}

/* Removes the entry, then calls its owner, which may change the table. */
static void
finish(struct pz_pending *p, struct entry *entry, json_t *result, json_t *error)
{
	const struct pz_pending_ops *ops = entry->ops;
	void *arg = entry->arg;

	forget(p, entry);
	ops->response(arg, result, error);
}

static void
on_timeout(struct pz_timer *timer, void *arg)
{
	struct entry *entry = arg;
	json_t *error;

	(void)timer;
	if (entry->ops->timed_out) {
		const struct pz_pending_ops *ops = entry->ops;
		void *owner = entry->arg;
		forget(entry->owner, entry);
		ops->timed_out(owner);
		return;
	}
	error = pz_rpc_error(PZ_RPC_TIMED_OUT, NULL, NULL);
	finish(entry->owner, entry, NULL, error);
	json_decref(error);
}

struct pz_pending *
pz_pending_new(const struct pz_env *env)
{
	struct pz_pending *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->env = env;
	pz_list_init(&p->doomed);
	p->entries = pz_map_new();
	if (p->entries == NULL) {
		free(p);
		return NULL;
	}
	return p;
}

void
pz_pending_free(struct pz_pending *p)
{
	struct pz_slice key;
	void *value;
	size_t pos = 0;

	if (p == NULL)
		return;
	while (pz_map_next(p->entries, &pos, &key, &value))
		forget(p, value);
	pz_map_free(p->entries);
	free(p);
}

static enum pz_err
insert(struct pz_pending *p, struct entry *entry, uint64_t timeout_us)
{
	PZ_TRY(pz_map_put(p->entries, pz_slice_of(entry->key, entry->key_len), entry, NULL));
	if (timeout_us > 0)
		pz_env_start(p->env, &entry->timer, timeout_us);
	return PZ_OK;
}

enum pz_err
pz_pending_add(struct pz_pending *p, const char *peer, const char *id, uint64_t timeout_us,
	       const struct pz_pending_ops *ops, void *arg)
{
	struct entry *entry;
	struct key key;
	enum pz_err err;

	if (pz_map_len(p->entries) >= PZ_PENDING_CALLS_MAX ||
	    !make_key(&key, peer, pz_slice_str(id)))
		return PZ_ERR_LIMIT;
	if (pz_map_get(p->entries, pz_slice_of(key.bytes, key.len)))
		return PZ_ERR_EXISTS;
	entry = calloc(1, sizeof(*entry) + key.len);
	if (entry == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	entry->owner = p;
	entry->ops = ops;
	entry->arg = arg;
	entry->peer_len = key.peer_len;
	entry->key_len = key.len;
	memcpy(entry->key, key.bytes, key.len);
	pz_timer_init(&entry->timer, on_timeout, entry);
	err = insert(p, entry, timeout_us);
	if (err != PZ_OK)
		free(entry);
	return err;
}

void
pz_pending_extend(struct pz_pending *p, const char *peer, const char *id, uint64_t timeout_us)
{
	struct entry *entry = find(p, peer, pz_slice_str(id));

	if (entry && entry->timer.active)
		pz_env_start(p->env, &entry->timer, timeout_us);
}

bool
pz_pending_response(struct pz_pending *p, const char *from, json_t *id, json_t *result,
		    json_t *error)
{
	char digits[24];
	struct pz_slice text;
	struct entry *entry;

	if (json_is_integer(id)) {
		snprintf(digits, sizeof(digits), "%" JSON_INTEGER_FORMAT, json_integer_value(id));
		text = pz_slice_str(digits);
	} else if (json_is_string(id)) {
		text = pz_slice_of(json_string_value(id), json_string_length(id));
	} else {
		return false;
	}
	entry = find(p, from, text);
	if (entry == NULL || (entry->has_result && error == NULL))
		return false;
	if (error != NULL || !entry->ops->keep_callbacks) {
		finish(p, entry, error ? NULL : result, error);
		return true;
	}
	entry->has_result = true;
	pz_env_stop(p->env, &entry->timer);
	entry->ops->response(entry->arg, result, NULL);
	return true;
}

bool
pz_pending_callback(struct pz_pending *p, const char *from, struct pz_slice reference,
		    struct pz_slice name, json_t *params, json_t *id, bool *out_is_answered)
{
	struct entry *entry = find(p, from, reference);
	char text[PZ_METHOD_BYTES_MAX + 1];

	if (entry == NULL || entry->ops->callback == NULL || name.len > PZ_METHOD_BYTES_MAX)
		return false;
	if (name.len > 0)
		memcpy(text, name.ptr, name.len);
	text[name.len] = '\0';
	/* Page 7, 6.1: often there is no response until the listener ends. */
	if (entry->ops->keep_callbacks)
		pz_env_stop(p->env, &entry->timer);
	*out_is_answered =
		id && entry->ops->asked && entry->ops->asked(entry->arg, text, params, id);
	if (!*out_is_answered)
		entry->ops->callback(entry->arg, text, params);
	return true;
}

static void
fail_if(struct pz_pending *p, struct pz_slice space, bool is_node_only, json_t *error)
{
	struct pz_slice key;
	void *value;
	size_t pos = 0;

	while (pz_map_next(p->entries, &pos, &key, &value)) {
		struct entry *entry = value;
		struct pz_slice peer = pz_slice_of(entry->key, entry->peer_len);
		bool is_hit = is_node_only ? pz_slice_eq(pz_address_node(peer), space)
					   : pz_address_is_within(peer, space);

		if (is_hit && !pz_list_is_linked(&entry->doomed))
			pz_list_append(&p->doomed, &entry->doomed);
	}
	/* A call of fail_if from a call-back empties the list; ours then finds nothing left. */
	for (struct pz_list *node; (node = pz_list_first(&p->doomed)) != NULL;)
		finish(p, PZ_CONTAINER(node, struct entry, doomed), NULL, error);
}

void
pz_pending_fail_peer(struct pz_pending *p, const char *node_prefix, json_t *error)
{
	fail_if(p, pz_slice_str(node_prefix), true, error);
}

void
pz_pending_fail_space(struct pz_pending *p, const char *space, json_t *error)
{
	fail_if(p, pz_slice_str(space), false, error);
}

void
pz_pending_peers(const struct pz_pending *p, const char *space, json_t *set)
{
	struct pz_slice key;
	void *value;
	size_t pos = 0;

	while (pz_map_next(p->entries, &pos, &key, &value)) {
		const struct entry *entry = value;
		struct pz_slice peer = pz_slice_of(entry->key, entry->peer_len);

		if (pz_address_is_within(peer, pz_slice_str(space)))
			pz_json_set_add(set, pz_address_node(peer));
	}
}

void
pz_pending_cancel(struct pz_pending *p, const char *peer, const char *id)
{
	struct entry *entry = find(p, peer, pz_slice_str(id));

	if (entry)
		forget(p, entry);
}

size_t
pz_pending_len(const struct pz_pending *p)
{
	return pz_map_len(p->entries);
}
