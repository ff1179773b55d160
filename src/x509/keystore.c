/*
 * Keys by URI. Three kinds: "keys:NAME" is a file of our own directory (keydir.c); "mem:N" lives in
 * memory, for tests and simulations; anything else goes to OpenSSL's store API, which knows files
 * and, with a provider, PKCS#11 tokens and TPMs. Our own records contain only the first kind unless
 * the operator has configured another one.
 */
#include "x509/keystore.h"

#include <openssl/err.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <stdio.h>
#include <unistd.h>

#include "base/list.h"
#include "x509/encode.h"
#include "x509/keydir.h"

PZ_AUTO_DEFINE(OSSL_STORE_CTX, OSSL_STORE_close)

#define OWN "keys:" /* followed by the name of a file in the directory */

/* A key in memory. */
struct entry {
	struct pz_list node;
	struct pz_key *key;
	char uri[32];
};

struct pz_keystore {
	struct pz_keydir *dir; /* NULL: in memory */
	struct pz_list entries;
	uint64_t next_number;
};

static struct pz_keystore *
store_new(struct pz_keydir *dir)
{
	struct pz_keystore *ks = calloc(1, sizeof(*ks));

	if (ks == NULL)
		return NULL;
	ks->dir = dir;
	pz_list_init(&ks->entries);
	return ks;
}

static void
entry_free(struct entry *e)
{
	pz_list_remove(&e->node);
	pz_key_free(e->key);
	free(e);
}

enum pz_err
pz_keystore_open_dir(const char *dir, struct pz_keystore **out, struct pz_errinfo *info)
{
	PZ_AUTO(pz_keydir_free) struct pz_keydir *kd = NULL;
	struct pz_keystore *ks;

	PZ_TRY(pz_keydir_open(dir, &kd, info));
	ks = store_new(kd);
	if (ks == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "key store: out of memory");
	kd = NULL;
	*out = ks;
	return PZ_OK;
}

struct pz_keystore *
pz_keystore_new_memory(void)
{
	return store_new(NULL);
}

void
pz_keystore_free(struct pz_keystore *ks)
{
	if (ks == NULL)
		return;
	PZ_LIST_EACH (&ks->entries, node, tmp) {
		entry_free(PZ_CONTAINER(node, struct entry, node));
	}
	pz_keydir_free(ks->dir);
	free(ks);
}

static enum pz_err
create_in_memory(struct pz_keystore *ks, struct pz_key *key, char out_uri[PZ_KEY_URI_MAX])
{
	struct entry *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	e->key = pz_key_ref(key);
	snprintf(e->uri, sizeof(e->uri), "mem:%llu", (unsigned long long)++ks->next_number);
	pz_list_append(&ks->entries, &e->node);
	memcpy(out_uri, e->uri, strlen(e->uri) + 1);
	return PZ_OK;
}

/* The PEM text is wiped; the key itself remains in OpenSSL's memory. */
static enum pz_err
create_in_dir(struct pz_keystore *ks, const struct pz_key *key, char out_uri[PZ_KEY_URI_MAX],
	      struct pz_errinfo *info)
{
	char name[PZ_KEYDIR_NAME_BYTES];
	struct pz_buf pem;
	enum pz_err err;

	pz_buf_init(&pem, PZ_KEY_PEM_BYTES_MAX, NULL);
	err = pz_key_to_pem(key, &pem);
	if (err == PZ_OK)
		err = pz_keydir_write(ks->dir, pz_buf_slice(&pem), name, info);
	pz_buf_wipe(&pem);
	if (err == PZ_OK)
		snprintf(out_uri, PZ_KEY_URI_MAX, OWN "%s", name);
	return err;
}

enum pz_err
pz_keystore_create(struct pz_keystore *ks, const char *type, char out_uri[PZ_KEY_URI_MAX],
		   struct pz_key **out, struct pz_errinfo *info)
{
	PZ_AUTO(pz_key_free) struct pz_key *key = NULL;

	PZ_TRY(pz_key_generate(type, &key, info));
	PZ_TRY(pz_keystore_add(ks, key, out_uri, info));
	if (out)
		*out = PZ_TAKE(key);
	return PZ_OK;
}

enum pz_err
pz_keystore_add(struct pz_keystore *ks, struct pz_key *key, char out_uri[PZ_KEY_URI_MAX],
		struct pz_errinfo *info)
{
	PZ_TRY(pz_key_check_strength(key, info));
	return ks->dir ? create_in_dir(ks, key, out_uri, info) : create_in_memory(ks, key, out_uri);
}

static struct entry *
entry_find(struct pz_keystore *ks, const char *uri)
{
	PZ_LIST_EACH (&ks->entries, node, tmp) {
		struct entry *e = PZ_CONTAINER(node, struct entry, node);
		if (strcmp(e->uri, uri) == 0)
			return e;
	}
	return NULL;
}

/*
 * The path of a file URI or a bare path, NULL for other schemes. OpenSSL does not percent-decode
 * file: URIs, so this function does not either: the file that is checked must be the file that is
 * opened.
 */
static enum pz_err
file_path(const char *uri, const char **out, struct pz_errinfo *info)
{
	const char *path = uri;
	bool is_file = strncasecmp(uri, "file:", 5) == 0;

	/* The three spellings that OpenSSL accepts for a local file. */
	if (is_file)
		path += 5;
	if (is_file && strncmp(path, "//localhost/", 12) == 0)
		path += 11;
	else if (is_file && strncmp(path, "///", 3) == 0)
		path += 2;
	if (path[0] == '/' && path[1] != '/') {
		*out = path;
		return PZ_OK;
	}
	if (is_file || strchr(uri, ':') == NULL)
		return pz_fail(info, PZ_ERR_CONFIG, "key %s: neither a URI nor an absolute path",
			       uri);
	*out = NULL;
	return PZ_OK;
}

/* The first private key that the URI gives. No prompts: a daemon has no terminal. */
static EVP_PKEY *
store_read(const char *uri)
{
	PZ_AUTO(OSSL_STORE_close)
	OSSL_STORE_CTX *ctx = OSSL_STORE_open(uri, UI_null(), NULL, NULL, NULL);
	EVP_PKEY *pkey = NULL;

	if (ctx == NULL || !OSSL_STORE_expect(ctx, OSSL_STORE_INFO_PKEY))
		return NULL;
	while (pkey == NULL && !OSSL_STORE_eof(ctx) && !OSSL_STORE_error(ctx)) {
		OSSL_STORE_INFO *item = OSSL_STORE_load(ctx);
		/* Certificates in the same file or token are skipped. */
		if (item && OSSL_STORE_INFO_get_type(item) == OSSL_STORE_INFO_PKEY)
			pkey = OSSL_STORE_INFO_get1_PKEY(item);
		OSSL_STORE_INFO_free(item);
	}
	return pkey;
}

static enum pz_err
load_uri(const char *uri, struct pz_key **out, struct pz_errinfo *info)
{
	PZ_AUTO(EVP_PKEY_free) EVP_PKEY *pkey = NULL;
	PZ_AUTO(pz_key_free) struct pz_key *key = NULL;
	char what[PZ_KEY_URI_MAX];
	const char *path = NULL;

	/* OpenSSL first tries the whole text as a relative path, whatever the scheme. */
	if (uri[0] != '/' && access(uri, F_OK) == 0)
		return pz_fail(info, PZ_ERR_CONFIG, "key %s: also a file of that name", uri);
	PZ_TRY(file_path(uri, &path, info));
	if (path)
		/* Checked and opened by path: the operator's own directory is trusted not to change
		 * in between. */
		PZ_TRY(pz_keydir_check_file(path, info));
	/* A URI may carry a PIN after '?', so that part is not repeated. */
	snprintf(what, sizeof(what), "key %.*s", (int)strcspn(uri, "?"), uri);
	pkey = store_read(uri);
	if (pkey == NULL)
		return pz_openssl_fail(info, PZ_ERR_CRYPTO, what);
	ERR_clear_error();
	key = pz_key_wrap(pkey);
	if (key == NULL)
		return pz_fail(info, PZ_ERR_CRYPTO, "%s: not usable", what);
	PZ_TRY(pz_key_check_strength(key, info));
	*out = PZ_TAKE(key);
	return PZ_OK;
}

/* The file's name when this store has made the URI, also in the form of an older version, and also
 * when its directory was elsewhere (names are random). Otherwise NULL. */
static const char *
own_name(const struct pz_keystore *ks, const char *uri)
{
	const char *name = NULL;

	if (ks->dir == NULL)
		return NULL;
	if (strncmp(uri, OWN, strlen(OWN)) == 0)
		name = uri + strlen(OWN);
	else if (strncmp(uri, "file:/", 6) == 0 && uri[6] != '/')
		name = strrchr(uri, '/') + 1;
	return name && pz_keydir_name_is_ours(name) ? name : NULL;
}

/* The file does not contain a key: that is treated as a lost file. */
static enum pz_err
load_file(const char *uri, const char *path, struct pz_key **out, struct pz_errinfo *info)
{
	enum pz_err err = load_uri(uri, out, info);

	if (err != PZ_ERR_NOTFOUND && err != PZ_ERR_CRYPTO)
		return err;
	return pz_fail(info, PZ_ERR_NOTFOUND,
		       "key file %s is %s: put it back from a backup, or move the data directory "
		       "away to start anew",
		       path, err == PZ_ERR_NOTFOUND ? "missing" : "damaged");
}

/* A record of an older version has a complete file: URI. If the file is not in our directory, the
 * URI is used unchanged. */
static enum pz_err
load_own(const struct pz_keystore *ks, const char *uri, const char *name, struct pz_key **out,
	 struct pz_errinfo *info)
{
	char path[PZ_KEY_URI_MAX];

	snprintf(path, sizeof(path), "file:%s/%s", pz_keydir_path(ks->dir), name);
	if (strncmp(uri, OWN, strlen(OWN)) != 0 && access(path + strlen("file:"), F_OK) != 0)
		return load_uri(uri, out, info);
	return load_file(path, path + strlen("file:"), out, info);
}

enum pz_err
pz_keystore_load(struct pz_keystore *ks, const char *uri, struct pz_key **out,
		 struct pz_errinfo *info)
{
	struct entry *e = entry_find(ks, uri);
	const char *name = own_name(ks, uri);

	if (e == NULL && strncmp(uri, "mem:", 4) == 0)
		return pz_fail(info, PZ_ERR_NOTFOUND, "%s: no such key", uri);
	/* Our own names first: they could also be read as a path. */
	if (name)
		return load_own(ks, uri, name, out, info);
	if (e == NULL)
		return load_uri(uri, out, info);
	*out = pz_key_ref(e->key);
	return PZ_OK;
}

enum pz_err
pz_keystore_remove(struct pz_keystore *ks, const char *uri)
{
	struct entry *e = entry_find(ks, uri);
	const char *name = own_name(ks, uri);

	if (e)
		entry_free(e);
	else
		return name ? pz_keydir_remove(ks->dir, name) : PZ_ERR_NOTFOUND;
	return PZ_OK;
}

size_t
pz_keystore_count(const struct pz_keystore *ks)
{
	size_t count = 0;

	for (const struct pz_list *node = ks->entries.next; node != &ks->entries; node = node->next)
		count++;
	return ks->dir ? count + pz_keydir_count(ks->dir) : count;
}

struct keep_list {
	const char *const *uris;
	size_t count;
};

/* Compares file names only: a URI may give another path to the directory; names are random. */
static bool
is_kept(void *arg, const char *name)
{
	const struct keep_list *keep = arg;

	for (size_t i = 0; i < keep->count; i++) {
		const char *uri = keep->uris[i], *slash = strrchr(uri, '/');
		if (strncmp(uri, OWN, strlen(OWN)) == 0)
			uri += strlen(OWN);
		else if (slash)
			uri = slash + 1;
		if (strcmp(uri, name) == 0)
			return true;
	}
	return false;
}

enum pz_err
pz_keystore_sweep(struct pz_keystore *ks, const char *const *keep_uris, size_t count)
{
	struct keep_list keep = {keep_uris, count};

	PZ_LIST_EACH (&ks->entries, node, tmp) {
		struct entry *e = PZ_CONTAINER(node, struct entry, node);
		if (!is_kept(&keep, e->uri))
			entry_free(e);
	}
	return ks->dir ? pz_keydir_sweep(ks->dir, is_kept, &keep) : PZ_OK;
}
