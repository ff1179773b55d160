/*
 * Manifests on disk and in the slot `app`. Each change writes the document of the slot anew from
 * all manifests, and replaces it like any other: running calls are decided again (policies.c).
 *
 * Installation and removal both wait for the disk. A removal allows more than before, so it must
 * not apply while a restart could restore the manifest; and an installation that is lost in a crash
 * must not have been confirmed.
 */
#include "manifests/manifests.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "manifests/manifest.h"
#include "wire/json.h"

#define SPACE "manifests" /* key: the id of the app; value: pz_manifest_text */

/* A change that is being stored. */
struct change {
	struct pz_manifests *manifests; /* NULL: freed meanwhile */
	struct pz_manifest *fresh;      /* NULL: a removal */
	char id[PZ_APP_ID_CHARS + 1];
	struct pz_request *request;
};

struct pz_manifests {
	struct pz_store *store;
	struct pz_policies *policies;
	struct pz_list rows; /* struct pz_manifest */
	size_t count;
	struct change *change; /* or NULL */
};

static struct pz_manifest *
find(const struct pz_manifests *m, const char *id)
{
	for (const struct pz_list *n = m->rows.next; n != &m->rows; n = n->next) {
		struct pz_manifest *one =
			(struct pz_manifest *)PZ_CONTAINER(n, const struct pz_manifest, node);

		if (strcmp(one->id, id) == 0)
			return one;
	}
	return NULL;
}

bool
pz_manifests_has(const void *arg, const char *id)
{
	const struct pz_manifests *m = arg;

	return m && find(m, id) != NULL;
}

static void
add_row(struct pz_manifests *m, struct pz_manifest *takes_manifest)
{
	pz_list_append(&m->rows, &takes_manifest->node);
	m->count++;
}

static void
remove_row(struct pz_manifests *m, struct pz_manifest *one)
{
	if (one == NULL)
		return;
	pz_list_remove(&one->node);
	pz_manifest_free(one);
	m->count--;
}

/* If the document cannot be built the slot is corrupt: apps of this device are denied
 * everything. */
static void
show(struct pz_manifests *m)
{
	static const struct pz_slice none;
	struct pz_buf buf;

	if (m->count == 0) {
		pz_policies_set_app(m->policies, none, NULL);
		return;
	}
	pz_buf_init(&buf, PZ_POLICY_DOCUMENT_BYTES_MAX, NULL);
	enum pz_err err = pz_manifests_document(&m->rows, NULL, &buf);
	pz_policies_set_app(m->policies, pz_buf_slice(&buf),
			    err == PZ_OK ? NULL : pz_err_text(err));
	pz_buf_fini(&buf);
}

/* ---- from the disk ---- */

/* A manifest that cannot be read restricted its app in an unknown way: that app is denied
 * everything. */
static enum pz_err
load_one(void *arg, const char *key, struct pz_slice value)
{
	struct pz_manifests *m = arg;
	struct pz_manifest *one = NULL;
	struct pz_errinfo info = {""};

	enum pz_err err = pz_manifest_read(value, &one, &info);
	if (err == PZ_OK && strcmp(one->id, key) != 0) {
		pz_manifest_free(PZ_TAKE(one));
		err = pz_fail(&info, PZ_ERR_PROTO, "it is of another app");
	}
	if (err == PZ_ERR_LIMIT_MEMORY)
		return err;
	if (err != PZ_OK) {
		pz_warning("manifest-unreadable",
			   "app=%s: %s; the app is denied all until `pzp app install` or `pzp app "
			   "remove %s`",
			   key, info.text, key);
		one = pz_manifest_unreadable(key);
	}
	if (one == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	add_row(m, one);
	return PZ_OK;
}

enum pz_err
pz_manifests_new(struct pz_store *store, struct pz_policies *policies, struct pz_manifests **out,
		 struct pz_errinfo *info)
{
	PZ_AUTO(pz_manifests_free) struct pz_manifests *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	m->store = store;
	m->policies = policies;
	pz_list_init(&m->rows);
	PZ_TRY(pz_store_load(store, SPACE, load_one, m, info));
	show(m);
	*out = PZ_TAKE(m);
	return PZ_OK;
}

static void
clear(struct pz_manifests *m)
{
	PZ_LIST_EACH (&m->rows, node, tmp)
		remove_row(m, PZ_CONTAINER(node, struct pz_manifest, node));
}

void
pz_manifests_free(struct pz_manifests *m)
{
	if (m == NULL)
		return;
	if (m->change) /* its commit is under way */
		m->change->manifests = NULL;
	clear(m);
	free(m);
}

enum pz_err
pz_manifests_wipe(struct pz_txn *txn)
{
	return pz_txn_remove_space(txn, SPACE);
}

void
pz_manifests_wiped(struct pz_manifests *m)
{
	clear(m);
	show(m);
}

/* ---- answers ---- */

/* The document of this app alone, with the same content as in the slot. New; NULL: out of
 * memory. */
static json_t *
describe(const struct pz_manifest *one)
{
	struct pz_list none;
	struct pz_buf buf;
	json_t *answer = NULL, *sentences = json_array();

	pz_list_init(&none);
	pz_buf_init(&buf, PZ_POLICY_DOCUMENT_BYTES_MAX, NULL);
	for (size_t i = 0; i <= pz_manifest_features(one); i++) {
		char sentence[PZ_MANIFEST_SENTENCE_BYTES];

		pz_manifest_sentence(one, i, sentence);
		(void)json_array_append_new(sentences, json_string(sentence));
	}
	if (pz_manifests_document(&none, one, &buf) == PZ_OK)
		answer = json_pack("{s:s, s:s%, s:O, s:b}", "id", one->id, "document",
				   (const char *)pz_buf_slice(&buf).ptr, pz_buf_slice(&buf).len,
				   "sentences", sentences, "readable", one->json != NULL);
	if (answer && one->json)
		(void)json_object_update(answer, one->json);
	pz_buf_fini(&buf);
	json_decref(sentences);
	return answer;
}

/* ---- changes ---- */

static void
change_free(void *arg)
{
	struct change *c = arg;

	if (c == NULL)
		return;
	pz_manifest_free(c->fresh);
	free(c);
}

static void
apply(struct pz_manifests *m, struct change *c)
{
	json_t *answer;

	remove_row(m, find(m, c->id));
	if (c->fresh) {
		pz_notice("manifest-installed", "app=%s features=%zu",
			  pz_json_str(c->fresh->json, "origin"), pz_manifest_features(c->fresh));
		answer = describe(c->fresh);
		add_row(m, PZ_TAKE(c->fresh));
	} else {
		pz_notice("manifest-removed", "app=%s", c->id);
		answer = json_pack("{s:s}", "removed", c->id);
	}
	show(m);
	pz_request_answer(c->request, answer);
}

static void
on_written(void *arg, enum pz_err err, const char *detail)
{
	struct change *c = arg;

	if (c->manifests) {
		c->manifests->change = NULL;
		if (err == PZ_OK)
			apply(c->manifests, c);
		else
			pz_request_fail(c->request, err, detail);
	}
	change_free(c);
}

static enum pz_err
fill(const struct change *c, struct pz_txn *txn)
{
	if (c->fresh == NULL)
		return pz_txn_remove(txn, SPACE, c->id);
	char *text = pz_manifest_text(c->fresh);
	enum pz_err err =
		text ? pz_txn_put(txn, SPACE, c->id, pz_slice_str(text)) : PZ_ERR_LIMIT_MEMORY;
	free(text);
	return err;
}

/* @param takes_fresh taken also after a failure; NULL: a removal */
static enum pz_err
commit(struct pz_manifests *m, struct pz_request *request, const char *id,
       struct pz_manifest *takes_fresh)
{
	struct change *c = calloc(1, sizeof(*c));
	struct pz_txn *txn = pz_txn_new();

	if (c == NULL) {
		pz_manifest_free(takes_fresh);
		pz_txn_free(txn);
		return PZ_ERR_LIMIT_MEMORY;
	}
	*c = (struct change){.manifests = m, .fresh = takes_fresh, .request = request};
	memcpy(c->id, id, sizeof(c->id));
	if (txn == NULL || fill(c, txn) != PZ_OK) {
		change_free(c);
		pz_txn_free(txn);
		return PZ_ERR_LIMIT_MEMORY;
	}
	m->change = c;
	pz_txn_on_drop(txn, change_free);
	pz_store_commit(m->store, txn, on_written, c);
	return PZ_OK;
}

static enum pz_err
check_room(const struct pz_manifests *m, const struct pz_manifest *fresh, struct pz_errinfo *info)
{
	if (m->count >= PZ_MANIFESTS_MAX && find(m, fresh->id) == NULL)
		return pz_fail(info, PZ_ERR_LIMIT,
			       "%d apps have manifests here already; `pzp app remove` takes one "
			       "back",
			       PZ_MANIFESTS_MAX);
	return PZ_OK;
}

/* The document of all apps has limits of its own, which are checked before anything is stored. */
static enum pz_err
check_document(struct pz_manifests *m, const struct pz_manifest *fresh, struct pz_errinfo *info)
{
	PZ_AUTO(pz_policy_document_unref) struct pz_policy_document *document = NULL;
	struct pz_policy_fault fault = {0, {""}};
	struct pz_buf buf;

	pz_buf_init(&buf, PZ_POLICY_DOCUMENT_BYTES_MAX, NULL);
	enum pz_err err = pz_manifests_document(&m->rows, fresh, &buf);
	if (err == PZ_OK)
		err = pz_policies_parse(m->policies, pz_buf_slice(&buf), &document, &fault);
	pz_buf_fini(&buf);
	return err == PZ_OK ? err
			    : pz_fail(info, err == PZ_ERR_LIMIT_MEMORY ? err : PZ_ERR_LIMIT,
				      "the manifests of all apps would be too much together: %s; "
				      "`pzp app remove` takes one back",
				      pz_errinfo_text(&fault.info, err));
}

static enum pz_err
check_idle(const struct pz_manifests *m, struct pz_errinfo *info)
{
	return m->change
		       ? pz_fail(info, PZ_ERR_EXISTS, "another manifest is being stored; try again")
		       : PZ_OK;
}

/* @return PZ_OK: the request has ended, or ends with the commit */
static enum pz_err
install(struct pz_manifests *m, struct pz_request *request, struct pz_errinfo *info)
{
	PZ_AUTO(pz_manifest_free) struct pz_manifest *fresh = NULL;
	const json_t *text = json_object_get(request->params, "manifest");

	PZ_TRY(pz_manifest_read(pz_slice_of(json_string_value(text), json_string_length(text)),
				&fresh, info));
	PZ_TRY(check_room(m, fresh, info));
	PZ_TRY(check_document(m, fresh, info));
	if (json_is_true(json_object_get(request->params, "check"))) {
		pz_request_answer(request, describe(fresh));
		return PZ_OK;
	}
	PZ_TRY(check_idle(m, info));
	struct pz_manifest *taken = PZ_TAKE(fresh);
	return commit(m, request, taken->id, taken);
}

void
pz_manifests_install_command(struct pz_manifests *m, struct pz_request *request)
{
	struct pz_errinfo info = {""};
	enum pz_err err = install(m, request, &info);

	if (err != PZ_OK)
		pz_request_fail(request, err, pz_errinfo_text(&info, err));
}

/* Finds by origin or by id: a manifest that cannot be read has no known origin. */
static enum pz_err
find_named(const struct pz_manifests *m, const char *name, struct pz_manifest **out,
	   struct pz_errinfo *info)
{
	char id[PZ_APP_ID_CHARS + 1];

	pz_app_id(pz_slice_str(name), id);
	*out = find(m, id);
	if (*out == NULL)
		*out = find(m, name);
	return *out ? PZ_OK
		    : pz_fail(info, PZ_ERR_NOTFOUND,
			      "%.300s has no manifest on this device; `pzp app show` lists those "
			      "there are",
			      name);
}

void
pz_manifests_show_command(struct pz_manifests *m, struct pz_request *request)
{
	const char *name = pz_json_str(request->params, "origin");
	struct pz_errinfo info = {""};
	struct pz_manifest *one = NULL;

	if (name && find_named(m, name, &one, &info) != PZ_OK) {
		pz_request_fail(request, PZ_ERR_NOTFOUND, info.text);
		return;
	}
	json_t *list = json_array();
	PZ_LIST_EACH (&m->rows, node, tmp) {
		struct pz_manifest *at = PZ_CONTAINER(node, struct pz_manifest, node);

		if (one == NULL || one == at)
			(void)json_array_append_new(list, describe(at));
	}
	pz_request_answer(request, list);
}

void
pz_manifests_remove_command(struct pz_manifests *m, struct pz_request *request)
{
	struct pz_errinfo info = {""};
	struct pz_manifest *one = NULL;
	enum pz_err err = find_named(m, pz_json_str(request->params, "origin"), &one, &info);

	if (err == PZ_OK)
		err = check_idle(m, &info);
	if (err == PZ_OK)
		err = commit(m, request, one->id, NULL);
	if (err != PZ_OK)
		pz_request_fail(request, err, pz_errinfo_text(&info, err));
}
