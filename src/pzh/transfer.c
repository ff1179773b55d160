/*
 * `pzh export` and `pzh import` with a running daemon. The archive is made, and read, here; the
 * file belongs to whoever runs the command, and the passphrase stays there, too: what comes over
 * the control socket is the key that was made of it. An archive may be longer than a line of that
 * socket, so it travels in parts, and waits in memory in between.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/codec.h"
#include "pzh/internal.h"
#include "pzh/result.h"
#include "pzh/transact.h"
#include "wire/json.h"
#include "zone/migration.h"
#include "zone/record.h"

#define ID_BYTES 16

/** An archive on its way out or in. */
struct transfer {
	struct pz_list node; /* pz_hub.transfers */
	struct pz_hub *hub;
	char id[2 * ID_BYTES + 1];
	struct pz_buf archive;          /* on its way out */
	struct pz_migration *migration; /* on its way in, or NULL */
	struct pz_timer idle;
};

static void
free_transfer(struct transfer *t)
{
	pz_env_stop(t->hub->config.env, &t->idle);
	pz_list_remove(&t->node);
	pz_buf_wipe(&t->archive);
	pz_migration_free(t->migration);
	free(t);
}

void
transfer_free_all(struct pz_hub *hub)
{
	PZ_LIST_EACH (&hub->transfers, node, tmp)
		free_transfer(PZ_CONTAINER(node, struct transfer, node));
}

static void
on_idle(struct pz_timer *timer, void *arg)
{
	(void)timer;
	free_transfer(arg);
}

static void
still_wanted(struct transfer *t)
{
	pz_env_start(t->hub->config.env, &t->idle, PZ_TRANSFER_IDLE_US);
}

static enum pz_err
new_transfer(struct pz_hub *hub, struct transfer **out, struct pz_errinfo *info)
{
	uint8_t id[ID_BYTES];
	size_t count = 0;

	PZ_LIST_EACH (&hub->transfers, node, tmp)
		count++;
	if (count >= PZ_TRANSFERS_MAX)
		return pz_fail(info, PZ_ERR_LIMIT,
			       "%d archives are on their way already; try again in a minute",
			       PZ_TRANSFERS_MAX);
	struct transfer *t = calloc(1, sizeof(*t));
	if (t == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	t->hub = hub;
	pz_env_random(hub->config.env, id, sizeof(id));
	pz_hex_encode(id, sizeof(id), t->id);
	pz_buf_init(&t->archive, PZ_ARCHIVE_BYTES_MAX, NULL);
	pz_timer_init(&t->idle, on_idle, t);
	pz_list_append(&hub->transfers, &t->node);
	still_wanted(t);
	*out = t;
	return PZ_OK;
}

static enum pz_err
find_transfer(struct pz_request *request, struct transfer **out, struct pz_errinfo *info)
{
	const char *id = pz_json_str(request->params, "transfer");

	PZ_LIST_EACH (&hub_of(request)->transfers, node, tmp) {
		struct transfer *t = PZ_CONTAINER(node, struct transfer, node);
		if (id && strcmp(t->id, id) == 0) {
			*out = t;
			return PZ_OK;
		}
	}
	return pz_fail(info, PZ_ERR_NOTFOUND, "there is no such transfer (any more): begin anew");
}

/* Base64 of exactly that many bytes; the text is overwritten. */
static enum pz_err
read_bytes(json_t *params, const char *name, void *out, size_t len, struct pz_errinfo *info)
{
	const char *text = pz_json_str(params, name);
	struct pz_buf bytes;

	pz_buf_init(&bytes, len, NULL);
	enum pz_err err = text ? pz_base64_decode(pz_slice_str(text), &bytes) : PZ_ERR_CONFIG;
	if (err == PZ_OK && bytes.len == len)
		memcpy(out, pz_buf_slice(&bytes).ptr, len);
	else if (err != PZ_ERR_LIMIT_MEMORY)
		err = PZ_ERR_CONFIG;
	pz_buf_wipe(&bytes);
	pz_record_wipe(params, name);
	return err == PZ_OK ? err : pz_fail(info, err, "%s must be %zu bytes in base64", name, len);
}

/* ---- export ---- */

/** Waits for its turn: what is exported is a zone that nothing changes meanwhile. */
struct exporting {
	struct pz_hub_transact t;
	struct pz_request *request;
	uint8_t head[PZ_ARCHIVE_HEAD_BYTES], key[PZ_ARCHIVE_KEY_BYTES];
};

static enum pz_err
write_archive(struct exporting *x, json_t **out_result, struct pz_errinfo *info)
{
	const struct pz_authority *a = x->t.zone->authority;
	struct pz_hub *hub = x->t.zone->hub;
	struct transfer *t = NULL;

	PZ_TRY(new_transfer(hub, &t, info));
	zone_save_seen(x->t.zone); /* what is written is what the store has */
	zone_save_now(x->t.zone);
	enum pz_err err = pz_migration_write(a, hub->config.store, hub->port, x->head, x->key,
					     &t->archive, info);
	if (err != PZ_OK) {
		free_transfer(t);
		return err;
	}
	pz_notice("export", "zone=%s devices=%zu bytes=%zu", a->zone, pz_map_len(a->members),
		  t->archive.len);
	*out_result = pzh_export_result(a, t->archive.len);
	(void)json_object_set_new(*out_result, "transfer", json_string(t->id));
	return PZ_OK;
}

static void
export_now(struct pz_hub_transact *turn, struct pz_member *member, enum pz_err err,
	   const char *detail)
{
	struct exporting *x = PZ_CONTAINER(turn, struct exporting, t);
	struct pz_errinfo info = {""};
	json_t *result = NULL;

	(void)member;
	(void)detail;
	if (err == PZ_OK)
		err = write_archive(x, &result, &info);
	pz_request_finish(x->request, err, info.text, result);
}

static void
release_export(struct pz_hub_transact *turn)
{
	struct exporting *x = PZ_CONTAINER(turn, struct exporting, t);

	sodium_memzero(x->key, sizeof(x->key));
}

static const struct pz_hub_transact_ops export_ops = {NULL, export_now, release_export};

void
cmd_export(struct pz_request *request)
{
	struct pz_errinfo info = {""};
	struct exporting *x = calloc(1, sizeof(*x));
	struct hub_zone *zone = NULL;
	enum pz_err err = PZ_ERR_LIMIT_MEMORY;

	if (x)
		err = hub_choose_zone(hub_of(request), pz_json_str(request->params, "zone"), &zone,
				      &info);
	if (err == PZ_OK)
		err = read_bytes(request->params, "head", x->head, sizeof(x->head), &info);
	if (err == PZ_OK)
		err = read_bytes(request->params, "key", x->key, sizeof(x->key), &info);
	if (err != PZ_OK) {
		free(x);
		pz_request_fail(request, err, pz_errinfo_text(&info, err));
		return;
	}
	x->request = request;
	pz_hub_transact(zone, &x->t, &export_ops);
}

/* ---- parts ---- */

/* The part that begins there. With the last one it is over. */
static enum pz_err
hand_out(struct pz_request *request, struct transfer *t, json_t **out_result,
	 struct pz_errinfo *info)
{
	int64_t at = 0;

	if (!pz_json_int(request->params, "at", 0, (int64_t)t->archive.len, &at))
		return pz_fail(info, PZ_ERR_CONFIG, "at must be within the archive");
	size_t left = t->archive.len - (size_t)at;
	size_t len = left < PZ_TRANSFER_PART_BYTES ? left : PZ_TRANSFER_PART_BYTES;
	char *text = pz_base64_encode(pz_slice_of(pz_buf_slice(&t->archive).ptr + at, len));
	*out_result = text ? json_pack("{s:s}", "data", text) : NULL;
	free(text);
	if (len == left)
		free_transfer(t);
	else
		still_wanted(t);
	return PZ_OK;
}

/* What is wrong with a part is wrong with the archive. */
static enum pz_err
take_in(struct pz_request *request, struct transfer *t, json_t **out_result,
	struct pz_errinfo *info)
{
	const char *text = pz_json_str(request->params, "data");
	struct pz_buf bytes;

	pz_buf_init(&bytes, PZ_TRANSFER_PART_BYTES, NULL);
	enum pz_err err = text ? pz_base64_decode(pz_slice_str(text), &bytes) : PZ_ERR_CONFIG;
	if (err != PZ_OK)
		err = pz_fail(info, PZ_ERR_CONFIG, "data must be at most %u bytes in base64",
			      PZ_TRANSFER_PART_BYTES);
	else
		err = pz_migration_read(t->migration, pz_buf_slice(&bytes), info);
	pz_buf_fini(&bytes);
	if (err != PZ_OK) {
		free_transfer(t);
		return err;
	}
	still_wanted(t);
	*out_result = json_pack("{s:s}", "transfer", t->id);
	return PZ_OK;
}

void
cmd_part(struct pz_request *request)
{
	struct pz_errinfo info = {""};
	struct transfer *t = NULL;
	json_t *result = NULL;
	enum pz_err err = find_transfer(request, &t, &info);

	if (err == PZ_OK && t->migration)
		err = take_in(request, t, &result, &info);
	else if (err == PZ_OK)
		err = hand_out(request, t, &result, &info);
	pz_request_finish(request, err, info.text, result);
}

/* ---- import ---- */

void
cmd_import(struct pz_request *request)
{
	uint8_t key[PZ_ARCHIVE_KEY_BYTES];
	struct pz_errinfo info = {""};
	struct transfer *t = NULL;
	json_t *result = NULL;
	enum pz_err err = read_bytes(request->params, "key", key, sizeof(key), &info);

	if (err == PZ_OK)
		err = new_transfer(hub_of(request), &t, &info);
	if (err == PZ_OK) {
		t->migration = pz_migration_new(key, hub_of(request)->config.env);
		result = t->migration ? json_pack("{s:s}", "transfer", t->id) : NULL;
		if (t->migration == NULL)
			free_transfer(t);
	}
	sodium_memzero(key, sizeof(key));
	pz_request_finish(request, err, pz_errinfo_text(&info, err), result);
}

static enum pz_err
finish_import(struct pz_request *request, struct transfer *t, struct pz_errinfo *info)
{
	struct pz_authority *a = NULL;
	struct pz_txn *txn = NULL;
	const char *zone = NULL;
	uint16_t port = (uint16_t)pz_request_int(request, "port", hub_of(request)->port);

	PZ_TRY(pz_migration_end(t->migration, &zone, info));
	PZ_TRY(hub_check_new_zone(hub_of(request), zone, info));
	enum pz_err err = pz_migration_settle(t->migration, pz_json_str(request->params, "host"),
					      port, hub_of(request)->config.keys, &txn, &a, info);
	if (err != PZ_OK) {
		hub_of(request)->is_sweep_due = true; /* a key may have been written */
		return err;
	}
	pz_notice("import", "zone=%s devices=%zu", a->zone, pz_map_len(a->members));
	hub_store_zone(request, a, txn, pzh_import_result(a, port));
	return PZ_OK;
}

void
cmd_import_end(struct pz_request *request)
{
	struct pz_errinfo info = {""};
	struct transfer *t = NULL;
	enum pz_err err = find_transfer(request, &t, &info);

	if (err == PZ_OK && t->migration == NULL)
		err = pz_fail(&info, PZ_ERR_CONFIG, "that transfer is an export");
	else if (err == PZ_OK) {
		err = finish_import(request, t, &info);
		free_transfer(t);
	}
	if (err != PZ_OK)
		pz_request_fail(request, err, info.text);
}
