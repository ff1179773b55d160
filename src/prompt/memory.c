/*
 * Remembered answers. A record is in `all` from the answer until its removal from the store; the
 * maps contain those that may be used. Each record has a key of its own in the store, which is
 * never used again, so that commits that overtake each other in memory cannot undo one another.
 *
 *     IS_SESSION                          in memory only, in the map of sessions
 *     IS_STORING ──durable──> IS_LASTING  in the other map from then on: it never counts before
 *         │                      │
 *         └──────forgotten───────┴──> IS_FORGOTTEN ──removed from the store──> freed
 *
 * Forgetting takes effect at once, also on a full disk: the record leaves its map, and its removal
 * is tried again until it is durable.
 */
#include "prompt/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/log.h"
#include "record/record.h"
#include "wire/json.h"

#define SPACE "answers"
#define STORE_KEY_CHARS 24

enum record_state {
	IS_SESSION,
	IS_STORING,   /* the commit is under way */
	IS_LASTING,   /* durable */
	IS_FORGOTTEN, /* out of use; it may still be in the store */
};

struct record {
	struct pz_list all;
	struct pz_prompt_key key;
	enum record_state state;
	enum pz_prompt_answer answer;
	enum pz_policy_effect effect; /* of the rule that caused the question */
	uint64_t id, created_ms;
	uint64_t ends_us; /* the session has ended, and the answer is dropped at this time; 0: it
			     continues */
};

/* A commit under way. It may outlive the memory, if the store does. */
struct commit {
	struct pz_list all;
	struct pz_prompt_memory *memory; /* NULL: already freed */
	struct record *added;            /* NULL: a removal */
	uint64_t removes_id;             /* the record to remove; 0: all up to last_id */
	uint64_t last_id;
	bool is_asked_for;
	pz_store_done done;
	void *arg;
};

static void
store_key(uint64_t id, char out[STORE_KEY_CHARS])
{
	snprintf(out, STORE_KEY_CHARS, "%020" PRIu64, id);
}

/* ---- records ---- */

static struct record *
record_of(struct pz_list *node)
{
	return PZ_CONTAINER(node, struct record, all);
}

static bool
is_lasting(const struct record *record)
{
	return record->state != IS_SESSION;
}

static struct pz_map *
map_of(const struct pz_prompt_memory *memory, const struct record *record)
{
	return is_lasting(record) ? memory->lasting : memory->sessions;
}

/* Takes it out of use. A newer record may be in the map under the same key; it stays. */
static void
unmap(struct pz_prompt_memory *memory, struct record *record)
{
	struct pz_map *map = map_of(memory, record);
	struct pz_slice key = pz_prompt_key_slice(&record->key, !is_lasting(record));

	if (pz_map_get(map, key) == record)
		(void)pz_map_remove(map, key);
}

/* Afterwards only the caller's list contains the record. */
static void
take_out(struct pz_prompt_memory *memory, struct record *record)
{
	unmap(memory, record);
	if (is_lasting(record))
		memory->lasting_count--;
	else
		memory->session_count--;
	pz_list_remove(&record->all);
}

static void
free_record(struct pz_prompt_memory *memory, struct record *record)
{
	take_out(memory, record);
	free(record);
}

static struct record *
new_record(struct pz_prompt_memory *memory, const struct pz_prompt_key *key,
	   enum record_state state)
{
	struct record *record = calloc(1, sizeof(*record));

	if (record == NULL)
		return NULL;
	record->key = *key;
	record->state = state;
	record->id = ++memory->last_id;
	record->created_ms = pz_env_wall_ms(memory->env);
	pz_list_append(&memory->all, &record->all);
	if (is_lasting(record))
		memory->lasting_count++;
	else
		memory->session_count++;
	return record;
}

/* ---- sessions ---- */

/* The wall clock continues while the machine sleeps, the monotonic clock does not. */
static int64_t
clock_offset_ms(const struct pz_prompt_memory *memory)
{
	return (int64_t)pz_env_wall_ms(memory->env) -
	       (int64_t)(pz_env_mono_us(memory->env) / PZ_US_PER_MS);
}

/* Sessions end when the device sleeps: then only the wall clock continues. A clock that was set
 * looks the same, and only costs another question. */
static bool
has_slept(struct pz_prompt_memory *memory)
{
	int64_t was = memory->offset_ms, now = clock_offset_ms(memory);

	memory->offset_ms = now;
	return now - was > PZ_PROMPT_SUSPEND_MS || was - now > PZ_PROMPT_SUSPEND_MS;
}

/* Before each look-up, not by a timer: a timer would run late after a suspend, and an answer must
 * not apply to the first call after it. The offset is updated even without a session, or an earlier
 * sleep would end the next one. */
static void
drop_ended_sessions(struct pz_prompt_memory *memory)
{
	bool all = has_slept(memory);
	uint64_t now = pz_env_mono_us(memory->env);

	if (memory->session_count == 0)
		return;
	PZ_LIST_EACH (&memory->all, n, tmp) {
		struct record *record = record_of(n);

		if (record->state == IS_SESSION &&
		    (all || (record->ends_us > 0 && record->ends_us <= now)))
			free_record(memory, record);
	}
}

/* Only a mark, no removal: a reloaded page is back within seconds, and the next use of an answer
 * clears the mark. */
void
pz_prompt_memory_session_ended(struct pz_prompt_memory *memory, struct pz_slice zone,
			       struct pz_slice device, const struct pz_slice *instance)
{
	uint64_t ends_us = pz_env_mono_us(memory->env) + PZ_PROMPT_GRACE_US;

	PZ_LIST_EACH (&memory->all, n, tmp) {
		struct record *record = record_of(n);
		const struct pz_prompt_key *key = &record->key;

		if (record->state == IS_SESSION && record->ends_us == 0 &&
		    pz_slice_eq_str(zone, pz_prompt_key_field(key, PZ_PROMPT_ZONE)) &&
		    pz_slice_eq_str(device, pz_prompt_key_field(key, PZ_PROMPT_DEVICE)) &&
		    (instance == NULL ||
		     pz_slice_eq_str(*instance, pz_prompt_key_field(key, PZ_PROMPT_INSTANCE))))
			record->ends_us = ends_us;
	}
}

/* ---- looking ---- */

/* A no applies under every effect that asks: refusing more than the rule requires is safe. A yes
 * applies only if the present effect would offer it, so a stricter rule takes effect at once. */
static bool
is_usable(const struct record *record, enum pz_policy_effect effect)
{
	return record &&
	       (!pz_prompt_allows(record->answer) || pz_prompt_offers(effect, record->answer));
}

/* A permanent answer comes before one for the session; one that may not be used now does not hide
 * the other. */
bool
pz_prompt_memory_find(struct pz_prompt_memory *memory, const struct pz_prompt_key *key,
		      enum pz_policy_effect effect, enum pz_prompt_answer *out)
{
	if (!pz_prompt_is_prompt(effect))
		return false;
	drop_ended_sessions(memory);
	struct record *record = pz_map_get(memory->lasting, pz_prompt_key_slice(key, false));
	if (!is_usable(record, effect))
		record = pz_map_get(memory->sessions, pz_prompt_key_slice(key, true));
	if (!is_usable(record, effect))
		return false;
	record->ends_us = 0; /* the session continues */
	*out = record->answer;
	return true;
}

/* ---- commits ---- */

static void
drop_commit(void *arg)
{
	free(arg);
}

/* The same transaction removes the record that this one replaces. */
static enum pz_err
put_record(struct pz_txn *txn, const struct record *record, const struct record *old)
{
	const struct pz_prompt_key *key = &record->key;
	char name[STORE_KEY_CHARS];

	if (old) {
		store_key(old->id, name);
		PZ_TRY(pz_txn_remove(txn, SPACE, name));
	}
	store_key(record->id, name);
	return pz_record_put(txn, SPACE, name,
			     json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:I}", "zone",
				       pz_prompt_key_field(key, PZ_PROMPT_ZONE), "device",
				       pz_prompt_key_field(key, PZ_PROMPT_DEVICE), "app",
				       pz_prompt_key_field(key, PZ_PROMPT_APP), "feature",
				       pz_prompt_key_field(key, PZ_PROMPT_FEATURE), "service",
				       pz_prompt_key_field(key, PZ_PROMPT_SERVICE), "answer",
				       (int)record->answer, "effect", (int)record->effect,
				       "created", (json_int_t)record->created_ms));
}

static void
added(struct pz_prompt_memory *memory, struct record *record, enum pz_err err)
{
	void *old = NULL;

	if (record->state == IS_FORGOTTEN) { /* forgotten meanwhile: the next attempt removes it */
		if (err != PZ_OK)
			free_record(memory, record);
		return;
	}
	if (err == PZ_OK)
		err = pz_map_put(memory->lasting, pz_prompt_key_slice(&record->key, false), record,
				 &old);
	if (err != PZ_OK) {
		free_record(memory, record);
		return;
	}
	record->state = IS_LASTING;
	if (old)
		free_record(memory, old);
}

static bool
is_meant_by(const struct commit *commit, const struct record *record)
{
	return commit->is_asked_for && record->state != IS_STORING &&
	       (commit->removes_id == record->id ||
		(commit->removes_id == 0 && record->id <= commit->last_id));
}

/* Calls that run by a withdrawn permit end. Not before all records are out of memory, because the
 * call-back may change what is remembered. */
static void
take_back(const struct pz_prompt_memory *memory, struct pz_list *gone)
{
	struct pz_list *first;

	while ((first = pz_list_first(gone)) != NULL) {
		struct record *record = record_of(first);

		pz_list_remove(first);
		if (memory->taken_back && pz_prompt_allows(record->answer))
			memory->taken_back(memory->taken_back_arg, &record->key);
		free(record);
	}
}

/* Removes what was asked for, and what was forgotten by then. */
static void
removed(struct pz_prompt_memory *memory, const struct commit *commit, enum pz_err err)
{
	struct pz_list gone;
	bool has_rest = false;

	pz_list_init(&gone);
	PZ_LIST_EACH (&memory->all, n, tmp) {
		struct record *record = record_of(n);
		bool is_meant = is_meant_by(commit, record);
		bool is_out = record->state == IS_FORGOTTEN && record->id <= commit->last_id;

		if (err == PZ_OK && is_meant) {
			take_out(memory, record);
			pz_list_append(&gone, &record->all);
		} else if (err == PZ_OK && is_out)
			free_record(memory, record);
		else if (record->state == IS_FORGOTTEN)
			has_rest = true;
	}
	if (has_rest && !memory->again.active)
		pz_env_start(memory->env, &memory->again, PZ_STORE_AGAIN_US);
	take_back(memory, &gone);
}

static void
on_committed(void *arg, enum pz_err err, const char *detail)
{
	PZ_AUTO_FREE struct commit *commit = arg;
	struct pz_prompt_memory *memory = commit->memory;

	if (memory == NULL)
		return;
	pz_list_remove(&commit->all);
	if (commit->added)
		added(memory, commit->added, err);
	else
		removed(memory, commit, err);
	if (commit->done)
		commit->done(commit->arg, err, detail);
}

/* `last_id`: a removal of everything does not include later answers. */
static struct commit *
new_commit(struct pz_prompt_memory *memory, pz_store_done done, void *arg)
{
	struct commit *commit = calloc(1, sizeof(*commit));

	if (commit == NULL)
		return NULL;
	commit->memory = memory;
	commit->last_id = memory->last_id;
	commit->done = done;
	commit->arg = arg;
	return commit;
}

/* If the store drops the transaction without a call-back (it is freed), the commit is freed with
 * it. */
static void
submit(struct pz_prompt_memory *memory, struct pz_txn *takes_txn, struct commit *takes_commit)
{
	pz_list_append(&memory->commits, &takes_commit->all);
	pz_txn_on_drop(takes_txn, drop_commit);
	pz_store_commit(memory->store, takes_txn, on_committed, takes_commit);
}

/* ---- adding ---- */

/* The bound counts records in the store, including those being written. A record that replaces
 * another one needs no further room. */
enum pz_err
pz_prompt_memory_add(struct pz_prompt_memory *memory, const struct pz_prompt_key *key,
		     enum pz_policy_effect effect, enum pz_prompt_answer answer, pz_store_done done,
		     void *arg)
{
	const struct record *old = pz_map_get(memory->lasting, pz_prompt_key_slice(key, false));

	if (old == NULL && memory->lasting_count >= PZ_PROMPT_ANSWERS_MAX)
		return PZ_ERR_LIMIT;
	struct record *record = new_record(memory, key, IS_STORING);
	if (record == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	record->answer = answer;
	record->effect = effect;
	struct pz_txn *txn = pz_txn_new();
	struct commit *commit = new_commit(memory, done, arg);
	if (txn == NULL || commit == NULL || put_record(txn, record, old) != PZ_OK) {
		pz_txn_free(txn);
		free(commit);
		free_record(memory, record);
		return PZ_ERR_LIMIT_MEMORY;
	}
	commit->added = record;
	submit(memory, txn, commit);
	return PZ_OK;
}

/* The list is in the order of creation. */
static void
drop_oldest_session(struct pz_prompt_memory *memory)
{
	PZ_LIST_EACH (&memory->all, n, tmp) {
		if (record_of(n)->state == IS_SESSION) {
			free_record(memory, record_of(n));
			return;
		}
	}
}

enum pz_err
pz_prompt_memory_add_session(struct pz_prompt_memory *memory, const struct pz_prompt_key *key,
			     enum pz_policy_effect effect, enum pz_prompt_answer answer)
{
	void *old = NULL;

	drop_ended_sessions(memory);
	if (memory->session_count >= PZ_PROMPT_SESSION_ANSWERS_MAX)
		drop_oldest_session(memory);
	struct record *record = new_record(memory, key, IS_SESSION);
	if (record == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	record->answer = answer;
	record->effect = effect;
	if (pz_map_put(memory->sessions, pz_prompt_key_slice(key, true), record, &old) != PZ_OK) {
		free_record(memory, record);
		return PZ_ERR_LIMIT_MEMORY;
	}
	if (old)
		free_record(memory, old);
	return PZ_OK;
}

/* ---- removing ---- */

/* A removal of one record, of all, or of what was forgotten. */
static enum pz_err
put_removals(const struct pz_prompt_memory *memory, struct pz_txn *txn, bool is_asked_for,
	     uint64_t id)
{
	PZ_LIST_EACH (&memory->all, n, tmp) {
		const struct record *record = record_of(n);
		char name[STORE_KEY_CHARS];

		if (record->state == IS_SESSION ||
		    (record->state != IS_FORGOTTEN &&
		     !(is_asked_for && (id == 0 || id == record->id))))
			continue;
		store_key(record->id, name);
		PZ_TRY(pz_txn_remove(txn, SPACE, name));
	}
	return PZ_OK;
}

static enum pz_err
remove_from_store(struct pz_prompt_memory *memory, bool is_asked_for, uint64_t id,
		  pz_store_done done, void *arg)
{
	struct pz_txn *txn = pz_txn_new();
	struct commit *commit = new_commit(memory, done, arg);

	if (txn == NULL || commit == NULL || put_removals(memory, txn, is_asked_for, id) != PZ_OK) {
		pz_txn_free(txn);
		free(commit);
		return PZ_ERR_LIMIT_MEMORY;
	}
	commit->is_asked_for = is_asked_for;
	commit->removes_id = id;
	submit(memory, txn, commit);
	return PZ_OK;
}

/* A record that is being stored has no answer yet, and a forgotten one no longer exists for a
 * person. */
static struct record *
find_id(const struct pz_prompt_memory *memory, uint64_t id)
{
	PZ_LIST_EACH (&memory->all, n, tmp) {
		struct record *record = record_of(n);

		if (record->id == id &&
		    (record->state == IS_SESSION || record->state == IS_LASTING))
			return record;
	}
	return NULL;
}

enum pz_err
pz_prompt_memory_delete(struct pz_prompt_memory *memory, uint64_t id, pz_store_done done, void *arg)
{
	if (id != 0 && find_id(memory, id) == NULL)
		return PZ_ERR_NOTFOUND;
	return remove_from_store(memory, true, id, done, arg);
}

static void
remove_forgotten(struct pz_prompt_memory *memory)
{
	if (remove_from_store(memory, false, 0, NULL, NULL) != PZ_OK)
		pz_env_start(memory->env, &memory->again, PZ_STORE_AGAIN_US);
}

static void
on_again(struct pz_timer *timer, void *arg)
{
	(void)timer;
	remove_forgotten(arg);
}

/* A record that is being stored cannot be removed from its transaction. It is forgotten, and
 * `added` finds that later: it never reaches the map. */
void
pz_prompt_memory_forget(struct pz_prompt_memory *memory,
			bool (*is_of)(void *arg, const struct pz_prompt_key *key), void *arg)
{
	bool has_any = false;

	PZ_LIST_EACH (&memory->all, n, tmp) {
		struct record *record = record_of(n);

		if (record->state == IS_FORGOTTEN || !is_of(arg, &record->key))
			continue;
		if (record->state == IS_SESSION) {
			free_record(memory, record);
			continue;
		}
		unmap(memory, record);
		record->state = IS_FORGOTTEN;
		has_any = true;
	}
	if (has_any)
		remove_forgotten(memory);
}

enum pz_err
pz_prompt_memory_wipe(struct pz_prompt_memory *memory, struct pz_txn *txn)
{
	(void)memory;
	return pz_txn_remove_space(txn, SPACE);
}

/* Running commits then have nothing to change in memory, and the records that they would remove are
 * freed. */
static void
clear(struct pz_prompt_memory *memory, bool is_wipe)
{
	PZ_LIST_EACH (&memory->commits, n, tmp) {
		struct commit *commit = PZ_CONTAINER(n, struct commit, all);

		commit->memory = NULL;
		pz_list_remove(n);
		if (is_wipe && commit->is_asked_for && commit->done)
			commit->done(commit->arg, PZ_OK, "");
	}
	PZ_LIST_EACH (&memory->all, n, tmp)
		free_record(memory, record_of(n));
	pz_env_stop(memory->env, &memory->again);
}

void
pz_prompt_memory_clear(struct pz_prompt_memory *memory)
{
	clear(memory, true);
}

/* ---- the list ---- */

static json_t *
describe(const struct record *record)
{
	const struct pz_prompt_key *key = &record->key;

	return json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:f}", "id",
			 (json_int_t)record->id, "zone", pz_prompt_key_field(key, PZ_PROMPT_ZONE),
			 "device", pz_prompt_key_field(key, PZ_PROMPT_DEVICE), "app",
			 pz_prompt_key_field(key, PZ_PROMPT_APP), "feature",
			 pz_prompt_key_field(key, PZ_PROMPT_FEATURE), "service",
			 pz_prompt_key_field(key, PZ_PROMPT_SERVICE), "answer",
			 pz_prompt_allows(record->answer) ? "allow" : "deny", "remember",
			 pz_prompt_scope_name(pz_prompt_scope(record->answer)), "effect",
			 pz_policy_effect_name(record->effect), "created",
			 (double)record->created_ms / 1000);
}

json_t *
pz_prompt_memory_list(struct pz_prompt_memory *memory)
{
	json_t *list = json_array();

	drop_ended_sessions(memory);
	PZ_LIST_EACH (&memory->all, n, tmp) {
		const struct record *record = record_of(n);

		if (list && (record->state == IS_SESSION || record->state == IS_LASTING) &&
		    json_array_append_new(list, describe(record)) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* ---- life ---- */

/* Errors: PROTO. */
static enum pz_err
read_record(const json_t *stored, struct pz_prompt_key *key, struct record *out)
{
	static const char *const names[PZ_PROMPT_FIELDS] = {"zone",    "device",  "app",
							    "feature", "service", NULL};
	struct pz_slice fields[PZ_PROMPT_FIELDS] = {{NULL, 0}};
	int64_t answer, effect, created;

	for (int i = 0; i < PZ_PROMPT_INSTANCE; i++) {
		const char *text = pz_json_str(stored, names[i]);
		if (text == NULL)
			return PZ_ERR_PROTO;
		fields[i] = pz_slice_str(text);
	}
	if (!pz_json_int(stored, "answer", 0, PZ_PROMPT_ANSWERS - 1, &answer) ||
	    !pz_json_int(stored, "effect", PZ_POLICY_PROMPT_ONESHOT, PZ_POLICY_PROMPT_BLANKET,
			 &effect) ||
	    !pz_json_int(stored, "created", 0, INT64_MAX, &created))
		return PZ_ERR_PROTO;
	out->answer = (enum pz_prompt_answer)answer;
	out->effect = (enum pz_policy_effect)effect;
	out->created_ms = (uint64_t)created;
	return pz_prompt_key_make(fields, key);
}

/* A record that cannot be read is skipped: the person is asked again. */
static enum pz_err
load_record(void *arg, const char *name, struct pz_slice value)
{
	struct pz_prompt_memory *memory = arg;
	struct record read = {.state = IS_LASTING};
	struct pz_errinfo info = {""};
	json_t *stored = NULL;
	enum pz_err err = pz_record_parse(SPACE, name, value, &stored, &info);

	if (err == PZ_OK)
		err = read_record(stored, &read.key, &read);
	json_decref(stored);
	if (err != PZ_OK) {
		pz_warning("answer-left-out",
			   "record=%s a remembered answer is not readable and is left out", name);
		return PZ_OK;
	}
	struct record *record = new_record(memory, &read.key, IS_LASTING);
	if (record == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	record->answer = read.answer;
	record->effect = read.effect;
	record->created_ms = read.created_ms;
	record->id = strtoull(name, NULL, 10);
	memory->last_id = record->id;
	return pz_map_put(memory->lasting, pz_prompt_key_slice(&record->key, false), record, NULL);
}

enum pz_err
pz_prompt_memory_init(struct pz_prompt_memory *memory, const struct pz_env *env,
		      struct pz_store *store, struct pz_errinfo *info)
{
	*memory = (struct pz_prompt_memory){.env = env, .store = store};
	pz_list_init(&memory->all);
	pz_list_init(&memory->commits);
	pz_timer_init(&memory->again, on_again, memory);
	memory->offset_ms = clock_offset_ms(memory);
	memory->lasting = pz_map_new();
	memory->sessions = pz_map_new();
	if (memory->lasting == NULL || memory->sessions == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	return pz_store_load(store, SPACE, load_record, memory, info);
}

void
pz_prompt_memory_fini(struct pz_prompt_memory *memory)
{
	if (memory->env == NULL)
		return;
	clear(memory, false);
	pz_map_free(memory->lasting);
	pz_map_free(memory->sessions);
}
