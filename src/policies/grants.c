/*
 * Grants on the disk and in their slot. Each change builds the document again from the rows and
 * swaps it like any other: streams that a grant permits are judged again (policies.c).
 *
 * A new grant is in force when it is on the disk, one at a time. A grant that ends is removed from
 * force at once, since a full disk must not keep it in force: the disk follows later, when all rows
 * are written again (store/keep.h).
 */
#include "policies/grants.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "command/table.h"
#include "policies/grant.h"
#include "policies/internal.h"
#include "policy/attribute.h"
#include "policy/match.h"

#define SPACE "grants"  /* key: the number of the grant; value: pz_grant_text */
#define LAST_KEY "last" /* the highest number in use so far */
#define KEY_BYTES 24

static void
add_row(struct pz_policies *p, struct pz_grant *takes_grant)
{
	pz_list_append(&p->grants.rows, &takes_grant->node);
	p->grants.count++;
	if (takes_grant->id > p->grants.last_id)
		p->grants.last_id = takes_grant->id;
}

/* Builds the slot from the rows. If that fails the slot grants nothing. */
static void
show(struct pz_policies *p)
{
	struct pz_buf buf;

	if (p->grants.count == 0) {
		pz_policies_put_nothing(p, PZ_POLICY_SLOT_GRANTS);
		return;
	}
	pz_buf_init(&buf, PZ_POLICY_DOCUMENT_BYTES_MAX, NULL);
	enum pz_err err = pz_grants_document(&p->grants.rows, &buf);
	if (err == PZ_OK)
		pz_policies_put(p, PZ_POLICY_SLOT_GRANTS, PZ_POLICIES_VALID, NULL,
				pz_buf_slice(&buf));
	else
		pz_policies_put_corrupt(p, PZ_POLICY_SLOT_GRANTS, pz_err_text(err));
	pz_buf_fini(&buf);
}

/* ---- disk ---- */

static enum pz_err
put_row(const struct pz_grant *grant, struct pz_txn *txn)
{
	char key[KEY_BYTES], *text = pz_grant_text(grant);

	if (text == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	snprintf(key, sizeof(key), "%" PRIu64, grant->id);
	enum pz_err err = pz_txn_put(txn, SPACE, key, pz_slice_str(text));
	free(text);
	return err;
}

static enum pz_err
put_last(uint64_t id, struct pz_txn *txn)
{
	char text[KEY_BYTES];

	snprintf(text, sizeof(text), "%" PRIu64, id);
	return pz_txn_put(txn, SPACE, LAST_KEY, pz_slice_str(text));
}

static enum pz_err
drop_row(const struct pz_grant *grant, struct pz_txn *txn)
{
	char key[KEY_BYTES];

	snprintf(key, sizeof(key), "%" PRIu64, grant->id);
	return pz_txn_remove(txn, SPACE, key);
}

/* It would lose a new grant that is being written: the attempt is repeated after that. */
static enum pz_err
save(void *arg, struct pz_txn *txn)
{
	const struct pz_policies *p = arg;

	if (p->grants.write)
		return PZ_ERR_EXISTS;
	PZ_TRY(pz_txn_remove_space(txn, SPACE));
	for (const struct pz_list *n = p->grants.rows.next; n != &p->grants.rows; n = n->next)
		PZ_TRY(put_row(PZ_CONTAINER(n, const struct pz_grant, node), txn));
	return put_last(p->grants.last_id, txn);
}

/* An unreadable row grants nothing. */
static enum pz_err
load_one(void *arg, const char *key, struct pz_slice value)
{
	struct pz_policies *p = arg;
	struct pz_errinfo info = {""};
	uint64_t id = 0;

	if (strcmp(key, LAST_KEY) == 0) {
		if (pz_policy_number(value, &id) && id > p->grants.last_id)
			p->grants.last_id = id;
		return PZ_OK;
	}
	struct pz_grant *grant = calloc(1, sizeof(*grant));
	if (grant == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	json_t *json = json_loadb((const char *)value.ptr, value.len, 0, NULL);
	if (p->grants.count < PZ_GRANTS_MAX && pz_policy_number(pz_slice_str(key), &grant->id) &&
	    pz_grant_read(json, NULL, grant, &info) == PZ_OK) {
		add_row(p, grant);
	} else {
		pz_warning("grant-unreadable", "%s: %s", key, pz_errinfo_text(&info, PZ_ERR_PROTO));
		free(grant);
	}
	json_decref(json);
	return PZ_OK;
}

enum pz_err
pz_grants_load(struct pz_policies *p, struct pz_errinfo *info)
{
	const struct pz_keep_config config = {
		.store = p->config.store,
		.env = p->config.env,
		.what = "what friends may use on this device",
		.save = save,
		.arg = p,
	};

	pz_keep_init(&p->grants.keep, &config);
	PZ_TRY(pz_store_load(p->config.store, SPACE, load_one, p, info));
	show(p);
	return PZ_OK;
}

/* ---- the zone is left ---- */

/* Tried again after a failure when the zone is already left: nothing must stay that could affect
 * another zone. */
enum pz_err
pz_grants_wipe(struct pz_policies *p, struct pz_txn *txn)
{
	if (p->config.self && strchr(p->config.self, '/'))
		pz_keep_end(&p->grants.keep);
	return pz_txn_remove_space(txn, SPACE);
}

/* ---- friends ---- */

static bool
is_friend(const struct pz_policies *p, const char *zone)
{
	return p->config.is_friend && p->config.is_friend(p->config.arg, zone);
}

/* Also what another zone of this device left on a disk that refused its removal. */
static bool
is_due(const struct pz_policies *p, const struct pz_grant *grant)
{
	const char *self = p->config.self ? p->config.self : "";
	size_t len = strlen(grant->owner);

	return is_friend(p, grant->zone) && strncmp(self, grant->owner, len) == 0 &&
	       self[len] == '/';
}

void
pz_grants_follow_friends(struct pz_policies *p)
{
	struct pz_txn *txn = pz_txn_new();
	enum pz_err err = txn ? PZ_OK : PZ_ERR_LIMIT_MEMORY;
	size_t ended = 0;

	PZ_LIST_EACH (&p->grants.rows, node, tmp) {
		struct pz_grant *grant = PZ_CONTAINER(node, struct pz_grant, node);

		if (is_due(p, grant))
			continue;
		pz_notice("grant-ended", "here-%" PRIu64 ": zone=%s is no friend", grant->id,
			  grant->zone);
		if (err == PZ_OK)
			err = drop_row(grant, txn);
		pz_grants_remove(&p->grants, grant);
		ended++;
	}
	if (ended > 0)
		show(p);
	if (ended > 0 && err == PZ_OK)
		pz_keep_commit(&p->grants.keep, txn);
	else
		pz_txn_free(txn);
	if (err != PZ_OK && ended > 0)
		pz_keep_failed(&p->grants.keep, err, "out of memory");
}

/* ---- a new one ---- */

static json_t *
answer_of(const struct pz_grant *grant)
{
	char sentence[PZ_POLICY_ATTRIBUTE_BYTES_MAX / 2], id[32];
	struct pz_rule rule;

	pz_grant_rule(grant, &rule);
	pz_rule_sentence(&rule, sentence, sizeof(sentence));
	snprintf(id, sizeof(id), "here-%" PRIu64, grant->id);
	return json_pack("{s:s, s:s}", "id", id, "rule", sentence);
}

static void
write_free(void *arg)
{
	struct pz_grants_write *w = arg;

	if (w == NULL)
		return;
	free(w->grant);
	free(w);
}

/* The friendship may have ended during the write: then the grant is removed again. */
static void
take_in(struct pz_policies *p, struct pz_grants_write *w)
{
	struct pz_grant *grant = PZ_TAKE(w->grant);
	json_t *answer = answer_of(grant);

	add_row(p, grant);
	if (is_due(p, grant)) {
		pz_notice("grant", "%s: %s", json_string_value(json_object_get(answer, "id")),
			  json_string_value(json_object_get(answer, "rule")));
		show(p);
		pz_request_answer(w->request, answer);
		return;
	}
	json_decref(answer);
	pz_grants_follow_friends(p);
	pz_request_fail(w->request, PZ_ERR_DENIED, "the zone is no friend any more");
}

static void
on_written(void *arg, enum pz_err err, const char *detail)
{
	struct pz_grants_write *w = arg;
	struct pz_policies *p = w->policies;

	if (p) {
		p->grants.write = NULL;
		if (err == PZ_OK)
			take_in(p, w);
		else
			pz_request_fail(w->request, err, detail);
	}
	write_free(w);
}

/* An expired grant makes room: the new one takes its place. NULL: there is room, or none can be
 * made. */
static struct pz_grant *
run_out(const struct pz_policies *p)
{
	uint64_t now_s = pz_env_wall_ms(p->config.env) / 1000;

	if (p->grants.count < PZ_GRANTS_MAX)
		return NULL;
	PZ_LIST_EACH (&p->grants.rows, node, tmp) {
		struct pz_grant *grant = PZ_CONTAINER(node, struct pz_grant, node);

		if (grant->until_s && grant->until_s <= now_s)
			return grant;
	}
	return NULL;
}

static enum pz_err
commit(struct pz_policies *p, struct pz_grants_write *w)
{
	struct pz_grant *old = run_out(p);
	struct pz_txn *txn = pz_txn_new();
	enum pz_err err = txn ? put_row(w->grant, txn) : PZ_ERR_LIMIT_MEMORY;

	if (err == PZ_OK)
		err = put_last(w->grant->id, txn);
	if (err == PZ_OK && old)
		err = drop_row(old, txn);
	if (err != PZ_OK) {
		pz_txn_free(txn);
		return err;
	}
	if (old) /* it is expired, so its removal stands even if the new one fails */
		pz_grants_remove(&p->grants, old);
	p->grants.write = w;
	pz_txn_on_drop(txn, write_free);
	pz_store_commit(p->config.store, txn, on_written, w);
	return PZ_OK;
}

static enum pz_err
check_room(const struct pz_policies *p, struct pz_errinfo *info)
{
	if (p->grants.keep.is_ended)
		return pz_fail(info, PZ_ERR_EXISTS, "the zone is being left");
	if (p->grants.write || p->grants.keep.is_behind)
		return pz_fail(info, PZ_ERR_EXISTS,
			       "another change of what friends may use here is being stored; try "
			       "again");
	if (p->grants.count >= PZ_GRANTS_MAX && run_out(p) == NULL)
		return pz_fail(info, PZ_ERR_LIMIT,
			       "%d shares of this device are there already; `pzp unshare --here` "
			       "removes one",
			       PZ_GRANTS_MAX);
	return PZ_OK;
}

static void
set_limits(const struct pz_policies *p, const struct pz_request *request, struct pz_grant *grant)
{
	uint8_t random[8];
	int64_t for_s = pz_request_int(request, "for_s", 0);

	if (for_s > 0)
		grant->until_s = pz_env_wall_ms(p->config.env) / 1000 + (uint64_t)for_s;
	if (grant->calls == 0)
		return;
	pz_env_random(p->config.env, random, sizeof(random));
	size_t at = (size_t)snprintf(grant->counter, sizeof(grant->counter), PZ_POLICY_COUNTER);
	for (size_t i = 0; i < sizeof(random); i++)
		at += (size_t)snprintf(grant->counter + at, sizeof(grant->counter) - at, "%02x",
				       random[i]);
}

/* Set by the device, not by the command: whose grant it is, and its limits as they are stored. */
static enum pz_err
read_command(const struct pz_policies *p, const struct pz_request *request, struct pz_grant *out,
	     struct pz_errinfo *info)
{
	json_t *params = json_copy(request->params);

	(void)json_object_del(params, "until");
	(void)json_object_del(params, "counter");
	enum pz_err err = pz_grant_read(params, p->config.self ? p->config.self : "", out, info);
	json_decref(params);
	if (err == PZ_OK && strcmp(out->zone, out->owner) == 0)
		err = pz_fail(info, PZ_ERR_CONFIG,
			      "zone: devices of the own zone need no share of this device; `pzp "
			      "allow` is for them");
	return err;
}

static enum pz_err
make(struct pz_policies *p, struct pz_request *request, struct pz_grant *grant,
     struct pz_errinfo *info)
{
	PZ_TRY(read_command(p, request, grant, info));
	if (!is_friend(p, grant->zone))
		return pz_fail(info, PZ_ERR_NOTFOUND,
			       "%s is no friend of this device; `pzp pair` or `pzp friend` first",
			       grant->zone);
	PZ_TRY(check_room(p, info));
	grant->id = p->grants.last_id + 1;
	set_limits(p, request, grant);
	return PZ_OK;
}

void
pz_grants_add_command(struct pz_policies *p, struct pz_request *request)
{
	struct pz_grants_write *w = calloc(1, sizeof(*w));
	struct pz_errinfo info = {""};
	enum pz_err err = PZ_ERR_LIMIT_MEMORY;

	if (w)
		w->grant = calloc(1, sizeof(*w->grant));
	if (w && w->grant)
		err = make(p, request, w->grant, &info);
	if (err == PZ_OK) {
		w->policies = p;
		w->request = request;
		err = commit(p, w);
	}
	if (err == PZ_OK)
		return;
	write_free(w);
	pz_request_fail(request, err, pz_errinfo_text(&info, err));
}

/* ---- taking back ---- */

/* Ends a command when the disk has answered. */
struct removal {
	struct pz_policies *policies;
	struct pz_request *request;
	int count;
};

static void
on_removed(void *arg, enum pz_err err, const char *detail)
{
	struct removal *r = arg;
	struct pz_errinfo info = {""};

	if (err == PZ_OK) {
		pz_request_answer(r->request, json_pack("{s:i}", "count", r->count));
	} else {
		pz_keep_failed(&r->policies->grants.keep, err, detail);
		(void)pz_fail(&info, err,
			      "it is taken back, but not on the disk yet, which is tried again "
			      "while the daemon runs: %s",
			      detail);
		pz_request_fail(r->request, err, info.text);
	}
	free(r);
}

/* @return the number of grants */
static int
take_back(struct pz_policies *p, const struct pz_grant *like, struct pz_txn *txn)
{
	int count = 0;

	PZ_LIST_EACH (&p->grants.rows, node, tmp) {
		struct pz_grant *grant = PZ_CONTAINER(node, struct pz_grant, node);

		if (!pz_grant_is_alike(grant, like) || drop_row(grant, txn) != PZ_OK)
			continue;
		pz_notice("grant-taken-back", "here-%" PRIu64 ": zone=%s", grant->id, grant->zone);
		pz_grants_remove(&p->grants, grant);
		count++;
	}
	return count;
}

void
pz_grants_remove_command(struct pz_policies *p, struct pz_request *request)
{
	struct pz_grant like = {.id = 0};
	struct pz_errinfo info = {""};
	struct removal *r = calloc(1, sizeof(*r));
	PZ_AUTO(pz_txn_free) struct pz_txn *txn = pz_txn_new();
	enum pz_err err = PZ_ERR_LIMIT_MEMORY;

	if (r && txn)
		err = read_command(p, request, &like, &info);
	if (err == PZ_OK) {
		*r = (struct removal){.policies = p, .request = request};
		r->count = take_back(p, &like, txn);
		if (r->count == 0)
			err = pz_fail(&info, PZ_ERR_NOTFOUND,
				      "there is no such share on this device; `pzp shares` lists "
				      "those there are");
	}
	if (err != PZ_OK) {
		free(r);
		pz_request_fail(request, err, pz_errinfo_text(&info, err));
		return;
	}
	show(p);
	pz_txn_on_drop(txn, free);
	pz_store_commit(p->config.store, PZ_TAKE(txn), on_removed, r);
}
