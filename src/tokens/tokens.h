/*
 * Tokens of local programs. The owner makes one for a name and gives it to the program; the program
 * sends it where a browser sends its origin. Only the hash is kept, in memory and on the disk.
 * @spec page 11 "Programs other than browsers"; page 14 APP-5
 */
#ifndef PZ_TOKENS_TOKENS_H
#define PZ_TOKENS_TOKENS_H

#include <jansson.h>

#include "base/env.h"
#include "base/limits.h"
#include "store/store.h"

/** A program's identity stands where a page has its origin; no browser sends such an origin. */
#define PZ_TOKENS_PREFIX "program:"
/** Characters of a token: "pzt_" and 32 bytes in hex. */
#define PZ_TOKENS_CHARS 68

struct pz_tokens;

/** Loads the hashes. @param env, store borrowed. Errors: LIMIT_MEMORY, those of pz_store_load. */
enum pz_err pz_tokens_new(const struct pz_env *env, struct pz_store *store, struct pz_tokens **out,
			  struct pz_errinfo *info) PZ_MUST_USE;
/** A running commit is not reported any more. NULL is fine. */
void pz_tokens_free(struct pz_tokens *tokens);

/** True for a name: 1 to PZ_TOKEN_NAME_BYTES_MAX of a-z, 0-9, ".", "_" and "-", the first a letter
 * or a digit. */
bool pz_tokens_is_name(const char *name);

/** Reports that the hash is on the disk: only then the token counts. @param err of the commit */
typedef void (*pz_tokens_done)(void *arg, enum pz_err err, const char *detail);

/**
 * Makes a token.
 * @param out the token; the caller wipes it
 * @param done once, unless the tokens are freed before
 * Errors: CONFIG (no name), EXISTS (the name has a token), LIMIT (PZ_TOKENS_MAX), LIMIT_MEMORY.
 */
enum pz_err
pz_tokens_make(struct pz_tokens *tokens, const char *name, char out[PZ_TOKENS_CHARS + 1],
	       pz_tokens_done done, void *arg, struct pz_errinfo *info) PZ_MUST_USE;

/** What a token proves: PZ_TOKENS_PREFIX and the name. Borrowed; NULL: nothing. The time that it
 * takes does not depend on how much of the token is right. */
const char *pz_tokens_look(const struct pz_tokens *tokens, struct pz_slice token);

/** Counts a wrong token. @return false: there were too many in a short time */
bool pz_tokens_note_wrong(struct pz_tokens *tokens);

/** The token of a name counts no longer. @param origin PZ_TOKENS_PREFIX and the name
 * @return false: no program of that name has one */
bool pz_tokens_revoke(struct pz_tokens *tokens, const char *origin);

/** When a token was made, in ms; 0: no program of that name has one. @param origin as above */
uint64_t pz_tokens_made_ms(const struct pz_tokens *tokens, const char *origin);
/** Origins of all tokens: array of texts, new; NULL: out of memory. */
json_t *pz_tokens_list(const struct pz_tokens *tokens);

/** This device leaves its zone: puts the removal of all into the transaction. Errors: LIMIT_MEMORY.
 */
enum pz_err pz_tokens_wipe(struct pz_txn *txn) PZ_MUST_USE;
/** The zone was left: memory follows. */
void pz_tokens_wiped(struct pz_tokens *tokens);

#endif
