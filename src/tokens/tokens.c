/*
 * A token is 32 random bytes, so a plain SHA-256 is enough: nothing about it can be guessed. A
 * right token is accepted after any number of wrong ones: a limit that also refused right tokens
 * would let every local program lock out all others.
 */
#include "tokens/tokens.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/codec.h"
#include "base/list.h"
#include "wire/json.h"

#define SPACE "app-tokens"
#define SCHEME "pzt_"
#define SECRET_BYTES 32
#define HASH_BYTES crypto_hash_sha256_BYTES

struct token {
	struct pz_list hook; /* in pz_tokens.all */
	uint8_t hash[HASH_BYTES];
	uint64_t made_ms;
	bool is_stored;
	char origin[]; /* PZ_TOKENS_PREFIX and the name */
};

struct pz_tokens {
	const struct pz_env *env;
	struct pz_store *store;
	struct pz_list all;
	struct pz_list making; /* struct making.hook */
	size_t count;
	uint64_t wrong_since_us;
	unsigned wrong; /* wrong tokens since then */
};

/** A commit under way. */
struct making {
	struct pz_list hook; /* in no list: the tokens are freed */
	struct pz_tokens *tokens;
	struct token *token; /* NULL: revoked meanwhile */
	pz_tokens_done done;
	void *arg;
};

static const char *
name_of(const struct token *token)
{
	return token->origin + sizeof(PZ_TOKENS_PREFIX) - 1;
}

static struct token *
add(struct pz_tokens *tokens, const char *name, const uint8_t hash[HASH_BYTES], uint64_t made_ms)
{
	size_t bytes = sizeof(PZ_TOKENS_PREFIX) + strlen(name);
	struct token *token = calloc(1, sizeof(*token) + bytes);

	if (token == NULL)
		return NULL;
	snprintf(token->origin, bytes, "%s%s", PZ_TOKENS_PREFIX, name);
	memcpy(token->hash, hash, HASH_BYTES);
	token->made_ms = made_ms;
	pz_list_append(&tokens->all, &token->hook);
	tokens->count++;
	return token;
}

static void
drop(struct pz_tokens *tokens, struct token *token)
{
	PZ_LIST_EACH (&tokens->making, node, tmp) {
		struct making *making = PZ_CONTAINER(node, struct making, hook);
		if (making->token == token)
			making->token = NULL;
	}
	pz_list_remove(&token->hook);
	tokens->count--;
	free(token);
}

static struct token *
find(const struct pz_tokens *tokens, const char *origin)
{
	PZ_LIST_EACH (&tokens->all, node, tmp) {
		struct token *token = PZ_CONTAINER(node, struct token, hook);
		if (strcmp(token->origin, origin) == 0)
			return token;
	}
	return NULL;
}

/* ---- life ---- */

static enum pz_err
on_record(void *arg, const char *key, struct pz_slice value)
{
	struct pz_tokens *tokens = arg;
	json_t *record = pz_json_parse(value, NULL);
	const char *hex = pz_json_str(record, "hash");
	uint8_t hash[HASH_BYTES];
	int64_t made = 0;
	enum pz_err err = PZ_OK;

	if (hex && pz_tokens_is_name(key) && tokens->count < PZ_TOKENS_MAX &&
	    pz_json_int(record, "made", 0, PZ_SYNC_TIME_MS_MAX, &made) &&
	    pz_hex_decode(pz_slice_str(hex), hash, sizeof(hash)) == PZ_OK) {
		struct token *token = add(tokens, key, hash, (uint64_t)made);
		if (token)
			token->is_stored = true;
		else
			err = PZ_ERR_LIMIT_MEMORY;
	}
	json_decref(record);
	return err;
}

enum pz_err
pz_tokens_new(const struct pz_env *env, struct pz_store *store, struct pz_tokens **out,
	      struct pz_errinfo *info)
{
	struct pz_tokens *tokens = calloc(1, sizeof(*tokens));

	if (tokens == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	tokens->env = env;
	tokens->store = store;
	pz_list_init(&tokens->all);
	pz_list_init(&tokens->making);
	enum pz_err err = pz_store_load(store, SPACE, on_record, tokens, info);
	if (err != PZ_OK) {
		pz_tokens_free(tokens);
		return err;
	}
	*out = tokens;
	return PZ_OK;
}

void
pz_tokens_wiped(struct pz_tokens *tokens)
{
	PZ_LIST_EACH (&tokens->all, node, tmp)
		drop(tokens, PZ_CONTAINER(node, struct token, hook));
}

void
pz_tokens_free(struct pz_tokens *tokens)
{
	if (tokens == NULL)
		return;
	pz_tokens_wiped(tokens);
	PZ_LIST_EACH (&tokens->making, node, tmp)
		pz_list_remove(node);
	free(tokens);
}

/* ---- making ---- */

bool
pz_tokens_is_name(const char *name)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	static const char others[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t len = name ? strlen(name) : 0;

	return len > 0 && len <= PZ_TOKEN_NAME_BYTES_MAX && strchr(plain, name[0]) &&
	       strspn(name, others) == len;
}

static void
on_stored(void *arg, enum pz_err err, const char *detail)
{
	struct making *making = arg;

	if (pz_list_is_linked(&making->hook)) {
		pz_list_remove(&making->hook);
		struct token *token = making->token;
		if (token && err == PZ_OK)
			token->is_stored = true;
		else if (token)
			drop(making->tokens, token);
		making->done(making->arg, token || err != PZ_OK ? err : PZ_ERR_NOTFOUND,
			     token || err != PZ_OK ? detail : "it was revoked meanwhile");
	}
	free(making);
}

static enum pz_err
put(const struct token *token, struct pz_txn *txn)
{
	char hex[2 * HASH_BYTES + 1], text[2 * HASH_BYTES + 64];

	pz_hex_encode(token->hash, HASH_BYTES, hex);
	int len = snprintf(text, sizeof(text), "{\"hash\":\"%s\",\"made\":%llu}", hex,
			   (unsigned long long)token->made_ms);
	return pz_txn_put(txn, SPACE, name_of(token), pz_slice_of(text, (size_t)len));
}

static enum pz_err
store(struct pz_tokens *tokens, struct token *token, pz_tokens_done done, void *arg)
{
	struct making *making = calloc(1, sizeof(*making));
	struct pz_txn *txn = pz_txn_new();

	if (making == NULL || txn == NULL || put(token, txn) != PZ_OK) {
		free(making);
		pz_txn_free(txn);
		return PZ_ERR_LIMIT_MEMORY;
	}
	*making = (struct making){.tokens = tokens, .token = token, .done = done, .arg = arg};
	pz_list_append(&tokens->making, &making->hook);
	pz_txn_on_drop(txn, free);
	pz_store_commit(tokens->store, txn, on_stored, making);
	return PZ_OK;
}

static enum pz_err
check_new(const struct pz_tokens *tokens, const char *name, struct pz_errinfo *info)
{
	char origin[sizeof(PZ_TOKENS_PREFIX) + PZ_TOKEN_NAME_BYTES_MAX];

	if (!pz_tokens_is_name(name))
		return pz_fail(info, PZ_ERR_CONFIG,
			       "the name of a program must be 1 to %d of a-z, 0-9, \".\", \"_\" "
			       "and \"-\", and begin with a letter or a digit",
			       PZ_TOKEN_NAME_BYTES_MAX);
	snprintf(origin, sizeof(origin), "%s%s", PZ_TOKENS_PREFIX, name);
	if (find(tokens, origin))
		return pz_fail(info, PZ_ERR_EXISTS,
			       "%s has a token already, which is shown once only; "
			       "`pzp app revoke %s` ends it",
			       name, name);
	if (tokens->count >= PZ_TOKENS_MAX)
		return pz_fail(info, PZ_ERR_LIMIT,
			       "there are %d tokens already; `pzp app revoke NAME` ends one",
			       PZ_TOKENS_MAX);
	return PZ_OK;
}

enum pz_err
pz_tokens_make(struct pz_tokens *tokens, const char *name, char out[PZ_TOKENS_CHARS + 1],
	       pz_tokens_done done, void *arg, struct pz_errinfo *info)
{
	uint8_t secret[SECRET_BYTES], hash[HASH_BYTES];
	char text[PZ_TOKENS_CHARS + 1] = SCHEME;

	PZ_TRY(check_new(tokens, name, info));
	pz_env_random(tokens->env, secret, sizeof(secret));
	pz_hex_encode(secret, sizeof(secret), text + sizeof(SCHEME) - 1);
	sodium_memzero(secret, sizeof(secret));
	crypto_hash_sha256(hash, (const uint8_t *)text, PZ_TOKENS_CHARS);
	struct token *token = add(tokens, name, hash, pz_env_wall_ms(tokens->env));
	enum pz_err err = token ? store(tokens, token, done, arg) : PZ_ERR_LIMIT_MEMORY;
	if (err == PZ_OK)
		memcpy(out, text, sizeof(text));
	else if (token)
		drop(tokens, token);
	sodium_memzero(text, sizeof(text));
	return err == PZ_OK ? err : pz_fail(info, err, "out of memory");
}

/* ---- use ---- */

const char *
pz_tokens_look(const struct pz_tokens *tokens, struct pz_slice token)
{
	const char *origin = NULL;
	uint8_t hash[HASH_BYTES];

	crypto_hash_sha256(hash, token.ptr, token.len);
	PZ_LIST_EACH (&tokens->all, node, tmp) {
		const struct token *one = PZ_CONTAINER(node, struct token, hook);
		if (sodium_memcmp(one->hash, hash, sizeof(hash)) == 0 && one->is_stored)
			origin = one->origin;
	}
	sodium_memzero(hash, sizeof(hash));
	return origin;
}

bool
pz_tokens_note_wrong(struct pz_tokens *tokens)
{
	uint64_t now = pz_env_mono_us(tokens->env);

	if (tokens->wrong == 0 || now - tokens->wrong_since_us >= PZ_TOKENS_WRONG_US) {
		tokens->wrong_since_us = now;
		tokens->wrong = 0;
	}
	if (tokens->wrong >= PZ_TOKENS_WRONG_MAX)
		return false;
	tokens->wrong++;
	return true;
}

/* If the disk fails, the token is valid again after a restart: the store's condition in status
 * reports that. */
bool
pz_tokens_revoke(struct pz_tokens *tokens, const char *origin)
{
	struct token *token = find(tokens, origin);

	if (token == NULL)
		return false;
	struct pz_txn *txn = pz_txn_new();
	if (txn && pz_txn_remove(txn, SPACE, name_of(token)) == PZ_OK)
		pz_store_commit(tokens->store, txn, NULL, NULL);
	else
		pz_txn_free(txn);
	drop(tokens, token);
	return true;
}

uint64_t
pz_tokens_made_ms(const struct pz_tokens *tokens, const char *origin)
{
	const struct token *token = find(tokens, origin);

	return token ? token->made_ms : 0;
}

json_t *
pz_tokens_list(const struct pz_tokens *tokens)
{
	json_t *list = json_array();

	PZ_LIST_EACH (&tokens->all, node, tmp)
		(void)json_array_append_new(
			list, json_string(PZ_CONTAINER(node, struct token, hook)->origin));
	return list;
}

enum pz_err
pz_tokens_wipe(struct pz_txn *txn)
{
	return pz_txn_remove_space(txn, SPACE);
}
