/*
 * The writing half of archive/migration.h: lines of JSON, in the order in which the reader checks
 * them. First the zone with its CA and keys, then the CRL and the notice of a move, then the
 * records of each space, last their number, so that a truncated archive is detected.
 */
#include "archive/migration.h"

#include <stdio.h>
#include <string.h>

#include "record/record.h"

#define SPACE_BYTES (PZ_ZONE_BYTES_MAX + 32)

struct writing {
	struct pz_archive_writer *writer;
	const char *space; /* a space of the table */
	uint64_t records;
	struct pz_errinfo *info;
};

/* @param takes may contain secrets: its text is overwritten */
static enum pz_err
write_line(struct pz_archive_writer *writer, json_t *takes)
{
	char *text = takes ? json_dumps(takes, JSON_COMPACT) : NULL;
	enum pz_err err = PZ_ERR_LIMIT_MEMORY;

	if (text)
		err = strlen(text) < PZ_ARCHIVE_LINE_BYTES_MAX ? PZ_OK : PZ_ERR_LIMIT;
	if (err == PZ_OK)
		err = pz_archive_write(writer, pz_slice_str(text));
	if (err == PZ_OK)
		err = pz_archive_write(writer, pz_slice_str("\n"));
	pz_record_text_wipe(text);
	json_decref(takes);
	return err;
}

/* The hub's CA key in PEM; secret. */
static enum pz_err
key_text(const struct pz_authority *a, char **out, struct pz_errinfo *info)
{
	const char *uri = a->ca_key_uri;
	struct pz_buf pem;

	/* A key in a token never leaves it, so it cannot be exported as PEM. */
	if (strncmp(uri, "keys:", 5) != 0 && strncmp(uri, "file:", 5) != 0 &&
	    strncmp(uri, "mem:", 4) != 0 && uri[0] != '/')
		return pz_fail(info, PZ_ERR_CONFIG,
			       "zone %s: its CA key is not a file (%.*s) and cannot be exported; "
			       "only the token itself can be moved",
			       a->zone, (int)strcspn(uri, ":"), uri);
	pz_buf_init(&pem, PZ_KEY_PEM_BYTES_MAX, NULL);
	enum pz_err err = pz_key_to_pem(a->ca_key, &pem);
	char *text = err == PZ_OK ? pz_slice_dup(pz_buf_slice(&pem)) : NULL;
	pz_buf_wipe(&pem);
	if (text == NULL) {
		err = err == PZ_OK ? PZ_ERR_LIMIT_MEMORY : err;
		return pz_fail(info, err, "zone %s: its CA key cannot be exported: %s", a->zone,
			       pz_err_text(err));
	}
	*out = text;
	return PZ_OK;
}

/* The line contains both secrets of the zone: they are overwritten in the tree and in the texts. */
static enum pz_err
write_zone(struct pz_archive_writer *writer, const struct pz_authority *a, uint16_t port,
	   struct pz_errinfo *info)
{
	char *key = NULL;

	PZ_TRY(key_text(a, &key, info));
	char *secret = pz_record_secret_text(a->secret);
	json_t *line =
		json_pack("{s:s, s:s, s:i, s:s, s:s, s:s, s:s, s:o, s:I, s:s}", "zone", a->zone,
			  "host", a->host, "port", (int)port, "name", a->name, "keyType",
			  a->key_type, "caKey", key, "secret", secret, "ca", pz_record_cert(a->ca),
			  "made", (json_int_t)pz_env_wall_ms(a->env), "version", PZ_VERSION);
	pz_record_text_wipe(key);
	pz_record_text_wipe(secret);
	json_incref(line);
	enum pz_err err = write_line(writer, line);
	pz_record_wipe(line, "caKey");
	pz_record_wipe(line, "secret");
	json_decref(line);
	return err;
}

static enum pz_err
write_list(struct pz_archive_writer *writer, const struct pz_authority *a)
{
	json_t *line = json_pack("{s:o}", "crl", pz_record_crl(a->crl));

	if (line && a->move.notice.number)
		(void)json_object_set_new(line, "notice", pz_hub_notice_json(&a->move.notice));
	return write_line(writer, line);
}

/* For pz_store_each. Parsed, not copied: a damaged record must fail here and not at the new hub. */
static enum pz_err
write_record(void *arg, const char *key, struct pz_slice value)
{
	struct writing *w = arg;
	json_t *record = NULL;

	PZ_TRY(pz_record_parse(w->space, key, value, &record, w->info));
	w->records++;
	return write_line(w->writer, json_pack("{s:s, s:s, s:o}", "space", w->space, "key", key,
					       "value", record));
}

static enum pz_err
write_content(struct pz_archive_writer *writer, const struct pz_authority *a,
	      struct pz_store *store, uint16_t port, struct pz_errinfo *info)
{
	struct writing w = {.writer = writer, .info = info};
	char space[SPACE_BYTES];

	PZ_TRY(write_zone(writer, a, port, info));
	PZ_TRY(write_list(writer, a));
	for (size_t i = 0; (w.space = pz_migration_space(i)) != NULL; i++) {
		snprintf(space, sizeof(space), "%s:%s", w.space, a->zone);
		PZ_TRY(pz_store_load(store, space, write_record, &w, info));
	}
	PZ_TRY(write_line(writer, json_pack("{s:I}", "end", (json_int_t)w.records)));
	return pz_archive_finish(writer);
}

enum pz_err
pz_migration_write(const struct pz_authority *a, struct pz_store *store, uint16_t port,
		   const uint8_t head[PZ_ARCHIVE_HEAD_BYTES],
		   const uint8_t key[PZ_ARCHIVE_KEY_BYTES], struct pz_buf *out,
		   struct pz_errinfo *info)
{
	PZ_AUTO(pz_archive_writer_free) struct pz_archive_writer *writer = NULL;
	struct pz_errinfo why = {""};

	enum pz_err err = pz_archive_writer_new(head, key, out, &writer, &why);
	if (err == PZ_OK)
		err = write_content(writer, a, store, port, &why);
	if (err == PZ_ERR_LIMIT_QUEUE) /* the buffer's own error would not help the operator */
		err = pz_fail(&why, PZ_ERR_LIMIT, "zone %s is too large for an archive", a->zone);
	return err == PZ_OK ? err
			    : pz_fail(info, err, "%s", why.text[0] ? why.text : pz_err_text(err));
}
