/*
 * `pzh export` and `pzh import`: writes a zone to an archive, or reads it from one. The caller has
 * opened the file and sent its descriptor (command/file.h); the passphrase stays with the caller:
 * the request has the key that was derived from it. The loop never waits for the file, and an
 * import creates the zone in one transaction at the end, or not at all.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "archive/migration.h"
#include "base/auto.h"
#include "base/codec.h"
#include "hosted/records.h"
#include "pzh/internal.h"
#include "pzh/result.h"
#include "record/record.h"
#include "wire/json.h"

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

/** An archive on its way out. */
struct export
{
	struct pz_request *request;
	uint8_t head[PZ_ARCHIVE_HEAD_BYTES], key[PZ_ARCHIVE_KEY_BYTES];
	struct pz_buf archive;
	json_t *result;
};

/** In its turn: no change of the zone runs during the export. */
struct export_turn {
	struct pz_hosted_transact t;
	struct export *x;
};

static void
release_export(struct pz_request *request)
{
	struct export *x = request->state;

	sodium_memzero(x->key, sizeof(x->key));
	pz_buf_wipe(&x->archive);
	json_decref(x->result);
}

static const struct pz_request_kind export_kind = {.size = sizeof(struct export),
						   .release = release_export};

static void
on_written(void *arg, enum pz_err err, const char *detail, struct pz_slice bytes)
{
	struct export *x = arg;
	struct pz_errinfo info = {""};

	(void)bytes;
	if (err != PZ_OK)
		(void)pz_fail(&info, err, "the archive cannot be written: %s", detail);
	pz_request_finish(x->request, err, info.text, err == PZ_OK ? PZ_TAKE(x->result) : NULL);
}

static enum pz_err
make_archive(struct export *x, struct pz_hosted *zone, struct pz_errinfo *info)
{
	const struct pz_authority *a = zone->authority;
	const struct pz_hub *hub = pz_hub_of(zone->hosting);
	/* The port of a hub that does not listen is that of the configuration, and devices may know
	 * another one: a new hub that is not sure announces its own. */
	uint16_t port = hub->listener ? hub->hosting.port : 0;

	pz_hosted_save_seen(zone); /* the archive has what the store has */
	pz_hosted_save_now(zone);
	PZ_TRY(pz_migration_write(a, hub->config.store, port, x->head, x->key, &x->archive, info));
	pz_notice("export", "zone=%s devices=%zu bytes=%zu", a->zone, pz_map_len(a->members),
		  x->archive.len);
	x->result = pz_pzh_export_result(a, x->archive.len);
	return PZ_OK;
}

static void
export_now(struct pz_hosted_transact *t, struct pz_member *member, enum pz_err err,
	   const char *detail)
{
	struct export *x = PZ_CONTAINER(t, struct export_turn, t)->x;
	struct pz_errinfo info = {""};

	(void)member;
	if (err == PZ_OK)
		err = make_archive(x, t->zone, &info);
	else
		(void)pz_fail(&info, err, "%s", detail);
	if (err != PZ_OK) {
		pz_request_fail(x->request, err, info.text);
		return;
	}
	x->request->file->ops->write(x->request->file, pz_buf_slice(&x->archive), on_written, x);
	pz_request_goes_on(x->request, false);
}

static const struct pz_hosted_transact_ops export_ops = {NULL, export_now, NULL};

static bool
has_room(const struct pz_hub *hub, const struct pz_request_kind *kind, size_t *count)
{
	PZ_REQUEST_EACH (&hub->requests, kind, request)
		++*count;
	return *count < PZ_ARCHIVES_MAX;
}

static const struct pz_request_kind import_kind;

static enum pz_err
check_room(const struct pz_hub *hub, struct pz_errinfo *info)
{
	size_t count = 0;

	if (has_room(hub, &export_kind, &count) && has_room(hub, &import_kind, &count))
		return PZ_OK;
	return pz_fail(info, PZ_ERR_LIMIT,
		       "%d archives are being written or read already; try again when one of them "
		       "has ended",
		       PZ_ARCHIVES_MAX);
}

static enum pz_err
begin_export(struct export *x, json_t *params, struct pz_hosted **out_zone, struct pz_errinfo *info)
{
	PZ_TRY(pz_hub_choose_zone(pz_pzh_hub(x->request), pz_json_str(params, "zone"), out_zone,
				  info));
	PZ_TRY(read_bytes(params, "head", x->head, sizeof(x->head), info));
	return read_bytes(params, "key", x->key, sizeof(x->key), info);
}

void
pz_pzh_run_export(struct pz_request *request)
{
	struct pz_errinfo info = {""};
	struct pz_hosted *zone = NULL;
	struct export_turn *turn = NULL;
	enum pz_err err = check_room(pz_pzh_hub(request), &info);

	if (err != PZ_OK) {
		pz_request_fail(request, err, info.text);
		return;
	}
	struct export *x = pz_request_begin(request, &export_kind);
	if (x == NULL)
		return;
	x->request = request;
	pz_buf_init(&x->archive, PZ_ARCHIVE_BYTES_MAX, NULL);
	err = begin_export(x, request->params, &zone, &info);
	if (err == PZ_OK && (turn = calloc(1, sizeof(*turn))) == NULL)
		err = PZ_ERR_LIMIT_MEMORY;
	if (err != PZ_OK) {
		pz_request_fail(request, err, pz_errinfo_text(&info, err));
		return;
	}
	turn->x = x;
	pz_request_goes_on(request, true); /* until its turn has come */
	pz_hosted_transact(zone, &turn->t, &export_ops);
}

/* ---- import ---- */

/** An archive on its way in. */
struct import {
	struct pz_request *request;
	struct pz_migration *migration;
	json_t *result; /* of the zone that is being stored */
	char *host;     /* NULL: as the archive says */
	uint16_t port;
	size_t bytes; /* read so far */
};

static void
release_import(struct pz_request *request)
{
	struct import *in = request->state;

	pz_migration_free(in->migration);
	json_decref(in->result);
	free(in->host);
}

static const struct pz_request_kind import_kind = {.size = sizeof(struct import),
						   .release = release_import};

static void
on_stored(void *arg, enum pz_err err, const char *detail)
{
	struct import *in = arg;

	pz_request_finish(in->request, err, detail, err == PZ_OK ? PZ_TAKE(in->result) : NULL);
}

/* The whole archive was read and is valid. The request ends when the zone is on disk. */
static enum pz_err
store(struct import *in, struct pz_errinfo *info)
{
	struct pz_hub *hub = pz_pzh_hub(in->request);
	struct pz_authority *a = NULL;
	struct pz_txn *txn = NULL;
	const char *zone = NULL;

	PZ_TRY(pz_migration_end(in->migration, &zone, info));
	PZ_TRY(pz_hub_check_new_zone(hub, zone, info));
	enum pz_err err = pz_migration_settle(in->migration, in->host, in->port, hub->config.keys,
					      &txn, &a, info);
	if (err != PZ_OK) {
		hub->hosting.is_sweep_due = true; /* a key may have been written */
		return err;
	}
	pz_notice("import", "zone=%s devices=%zu", a->zone, pz_map_len(a->members));
	pz_request_goes_on(in->request, true);
	in->result = pz_pzh_import_result(a, in->port);
	pz_hub_store_zone(hub, a, txn, on_stored, in);
	return PZ_OK;
}

static void on_read(void *arg, enum pz_err err, const char *detail, struct pz_slice bytes);

static enum pz_err
take(struct import *in, struct pz_slice bytes, struct pz_errinfo *info)
{
	in->bytes += bytes.len;
	if (in->bytes > PZ_ARCHIVE_BYTES_MAX)
		return pz_fail(info, PZ_ERR_LIMIT, "the file is longer than any archive of a zone");
	PZ_TRY(pz_migration_read(in->migration, bytes, info));
	in->request->file->ops->read(in->request->file, on_read, in);
	return PZ_OK;
}

static void
on_read(void *arg, enum pz_err err, const char *detail, struct pz_slice bytes)
{
	struct import *in = arg;
	struct pz_errinfo info = {""};

	if (pz_request_is_over(in->request))
		return; /* given up: freed at the end of the turn */
	if (err != PZ_OK)
		(void)pz_fail(&info, err, "the archive cannot be read: %s", detail);
	else if (bytes.len > 0)
		err = take(in, bytes, &info);
	else
		err = store(in, &info);
	if (err != PZ_OK)
		pz_request_fail(in->request, err, pz_errinfo_text(&info, err));
}

static enum pz_err
begin_import(struct import *in, json_t *params, struct pz_errinfo *info)
{
	const struct pz_hub *hub = pz_pzh_hub(in->request);
	const char *host = pz_json_str(params, "host");
	uint8_t key[PZ_ARCHIVE_KEY_BYTES];

	in->port = (uint16_t)pz_request_int(in->request, "port", hub->hosting.port);
	if (in->port == 0)
		return pz_fail(info, PZ_ERR_CONFIG,
			       "the port of this hub is known only while pzhd runs: give --port");
	PZ_TRY(read_bytes(params, "key", key, sizeof(key), info));
	in->migration = pz_migration_new(key, hub->config.env);
	sodium_memzero(key, sizeof(key));
	in->host = host ? strdup(host) : NULL;
	return in->migration && (in->host || host == NULL) ? PZ_OK : PZ_ERR_LIMIT_MEMORY;
}

void
pz_pzh_run_import(struct pz_request *request)
{
	struct pz_errinfo info = {""};
	enum pz_err err = check_room(pz_pzh_hub(request), &info);

	if (err != PZ_OK) {
		pz_request_fail(request, err, info.text);
		return;
	}
	struct import *in = pz_request_begin(request, &import_kind);
	if (in == NULL)
		return;
	in->request = request;
	err = begin_import(in, request->params, &info);
	if (err != PZ_OK)
		pz_request_fail(request, err, pz_errinfo_text(&info, err));
	else
		request->file->ops->read(request->file, on_read, in);
}
