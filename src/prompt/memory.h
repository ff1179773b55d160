/*
 * The decision store: answers by key, for a session or for good. One for good counts when it is
 * durable. One is used only while the policy still lets a person decide, and an "allow" only where
 * the question would offer it now, so that a stricter policy counts at once.
 * @spec page 9, 11.5; page 14 PRM-6
 */
#ifndef PZ_PROMPT_MEMORY_H
#define PZ_PROMPT_MEMORY_H

#include <jansson.h>

#include "base/env.h"
#include "base/list.h"
#include "base/map.h"
#include "prompt/answer.h"
#include "prompt/key.h"
#include "store/store.h"

/** Embedded in its owner. */
struct pz_prompt_memory {
	const struct pz_env *env;
	struct pz_store *store;
	struct pz_map *lasting;  /* key without instance -> record that is durable */
	struct pz_map *sessions; /* key with instance -> record */
	struct pz_list all;      /* records, in the order of the answers */
	struct pz_list commits;  /* running */
	struct pz_timer again;   /* removes from the store what could not be removed */
	/** A permit that was given is removed because a person wants it so; it is freed before this
	 * is called, which may change the stored answers. NULL: of no interest. Set by the owner.
	 */
	void (*taken_back)(void *arg, const struct pz_prompt_key *key);
	void *taken_back_arg;
	uint64_t last_id;
	size_t lasting_count, session_count; /* records, also those that are being stored */
	int64_t offset_ms; /* of the wall clock from the monotonic one: it jumps in a suspend */
};

/** Reads what is stored. @param env, store borrowed. Errors: LIMIT_MEMORY, those of pz_store_load;
 * pz_prompt_memory_fini is needed in any case. */
enum pz_err pz_prompt_memory_init(struct pz_prompt_memory *memory, const struct pz_env *env,
				  struct pz_store *store, struct pz_errinfo *info) PZ_MUST_USE;
/** Running commits end without a call. A zeroed object is fine. */
void pz_prompt_memory_fini(struct pz_prompt_memory *memory);

/** What was answered, if it may be used. @param effect of the policy now */
bool pz_prompt_memory_find(struct pz_prompt_memory *memory, const struct pz_prompt_key *key,
			   enum pz_policy_effect effect, enum pz_prompt_answer *out);
/** Remembers an answer for the session, in place of an older one; the oldest of
 * PZ_PROMPT_SESSION_ANSWERS_MAX is forgotten. Errors: LIMIT_MEMORY. */
enum pz_err
pz_prompt_memory_add_session(struct pz_prompt_memory *memory, const struct pz_prompt_key *key,
			     enum pz_policy_effect effect,
			     enum pz_prompt_answer answer) PZ_MUST_USE;
/**
 * Remembers an answer for good, in place of an older one.
 * @param done called when it counts, or with the error of the store; never from inside
 * Errors (`done` is not called): LIMIT (PZ_PROMPT_ANSWERS_MAX are stored), LIMIT_MEMORY.
 */
enum pz_err pz_prompt_memory_add(struct pz_prompt_memory *memory, const struct pz_prompt_key *key,
				 enum pz_policy_effect effect, enum pz_prompt_answer answer,
				 pz_store_done done, void *arg) PZ_MUST_USE;
/** Removes one. @param id 0: all. @param done when it is durable; never from inside. Errors:
 * NOTFOUND, LIMIT_MEMORY: `done` is not called. */
enum pz_err pz_prompt_memory_delete(struct pz_prompt_memory *memory, uint64_t id,
				    pz_store_done done, void *arg) PZ_MUST_USE;
/** Removes all that is about a caller, at once in memory; the disk follows. @param is_of true for
 * keys to remove */
void pz_prompt_memory_forget(struct pz_prompt_memory *memory,
			     bool (*is_of)(void *arg, const struct pz_prompt_key *key), void *arg);
/** A session has ended: its answers go in PZ_PROMPT_GRACE_US, unless they are used by then. @param
 * instance NULL: each of the device */
void pz_prompt_memory_session_ended(struct pz_prompt_memory *memory, struct pz_slice zone,
				    struct pz_slice device, const struct pz_slice *instance);
/** Puts the removal of all into a transaction. Errors: LIMIT_MEMORY. */
enum pz_err pz_prompt_memory_wipe(struct pz_prompt_memory *memory, struct pz_txn *txn) PZ_MUST_USE;
/** All is gone from memory. Requested removals end with success. */
void pz_prompt_memory_clear(struct pz_prompt_memory *memory);
/** The list of pz_prompts_answers. */
json_t *pz_prompt_memory_list(struct pz_prompt_memory *memory);

#endif
