/*
 * Target functions: pz_archive_read, pz_archive_read_end, pz_migration_read, _end, _settle.
 * Input: first byte: what the rest is.
 *   'r'  bytes of an archive, in parts of the length that the next byte says
 *   'c'  content, which is sealed properly
 *   'm'  records only, one a line, behind a good beginning and before a good end; a record whose
 *        `ca` is "@" gets certificate, serial number and hash of a real device
 * Must hold: what is taken is a zone that a hub could have: its CA is the one that signed list,
 * notice and devices, and nothing of the archive's making names another zone.
 */
#include "zone.h"

#include <openssl/err.h>

#include "archive/migration.h"
#include "base/codec.h"
#include "kit/authority.h"
#include "record/record.h"
#include "wire/address.h"
#include "wire/json.h"
#include "x509/device_ca.h"

static const uint8_t key[PZ_ARCHIVE_KEY_BYTES];
static uint8_t head[PZ_ARCHIVE_HEAD_BYTES];
static struct pz_kit_world w;
static char *beginning; /* the first two lines of a good archive */
static struct pz_authority *ours;
static struct pz_member *laptop;

static enum pz_err
keep(void *arg, struct pz_slice content, struct pz_errinfo *info)
{
	(void)info;
	return pz_buf_append(arg, content);
}

/* ---- what was taken ---- */

static void
check_member(const struct pz_authority *a, const struct pz_member *m)
{
	struct pz_cert *cert = NULL;
	char serial[PZ_SERIAL_HEX_BYTES];

	FUZZ_CHECK(pz_device_is_valid(pz_slice_str(m->device)));
	FUZZ_CHECK(pz_display_name_is_valid(pz_slice_str(m->display_name)));
	FUZZ_CHECK(m->revoked == pz_crl_has_serial(a->crl, m->serial));
	if (m->ca_pem == NULL)
		return;
	FUZZ_CHECK(pz_cert_from_pem(pz_slice_str(m->ca_pem), &cert, NULL) == PZ_OK);
	FUZZ_CHECK(pz_verify_device_ca(cert, a->ca, NULL, PZ_KIT_WALL_MS, a->zone, m->device,
				       NULL) == PZ_OK);
	pz_cert_serial_hex(cert, serial);
	FUZZ_CHECK(strcmp(serial, m->serial) == 0);
	pz_cert_free(cert);
}

static void
check_zone(const struct pz_authority *a, const char *zone)
{
	char name[PZ_ZONE_BYTES_MAX + 1], device[PZ_DEVICE_BYTES_MAX + 1];
	size_t pos = 0;
	void *member;

	FUZZ_CHECK(strcmp(a->zone, zone) == 0 && pz_zone_is_valid(pz_slice_str(zone)));
	FUZZ_CHECK(pz_cert_identity(a->ca, name, device) == PZ_OK && strcmp(name, zone) == 0);
	FUZZ_CHECK(pz_cert_key_matches(a->ca, a->ca_key));
	FUZZ_CHECK(pz_cert_key_matches(a->tls, a->tls_key));
	FUZZ_CHECK(pz_crl_verify(a->crl, a->ca, NULL) == PZ_OK);
	FUZZ_CHECK(!a->move.is_moving);
	if (a->move.notice.number)
		FUZZ_CHECK(pz_hub_notice_check(&a->move.notice, zone, a->ca, NULL) == PZ_OK);
	while (pz_map_next(a->members, &pos, NULL, &member))
		check_member(a, member);
}

static void
settle(struct pz_migration *m, const char *zone)
{
	struct pz_keystore *keys = pz_keystore_new_memory();
	struct pz_authority *a = NULL;
	struct pz_txn *txn = NULL;
	struct pz_errinfo info = {""};

	FUZZ_CHECK(keys != NULL);
	char *name = strdup(zone);
	enum pz_err err = pz_migration_settle(m, NULL, 8041, keys, &txn, &a, &info);
	fuzz_check_info(err, &info);
	FUZZ_CHECK((err == PZ_OK) == (a != NULL) && (a != NULL) == (txn != NULL));
	if (a)
		check_zone(a, name);
	pz_authority_free(a);
	pz_txn_free(txn);
	pz_keystore_free(keys);
	free(name);
}

/* ---- ways in ---- */

static void
read_parts(struct pz_slice bytes, size_t part, void *arg,
	   enum pz_err (*take)(void *arg, struct pz_slice bytes, struct pz_errinfo *info),
	   enum pz_err *out)
{
	*out = PZ_OK;
	while (*out == PZ_OK && bytes.len > 0) {
		size_t len = bytes.len < part ? bytes.len : part;
		struct pz_errinfo info = {""};
		*out = take(arg, pz_slice_of(bytes.ptr, len), &info);
		fuzz_check_info(*out, &info);
		bytes = pz_slice_of(bytes.ptr + len, bytes.len - len);
	}
}

static enum pz_err
take_raw(void *arg, struct pz_slice bytes, struct pz_errinfo *info)
{
	return pz_archive_read(arg, bytes, info);
}

static enum pz_err
take_zone(void *arg, struct pz_slice bytes, struct pz_errinfo *info)
{
	return pz_migration_read(arg, bytes, info);
}

static void
run_raw(struct pz_slice rest)
{
	size_t part = (size_t)fuzz_byte(&rest) + 1;
	struct pz_errinfo info = {""};
	struct pz_buf plain;
	enum pz_err err;

	pz_buf_init(&plain, 1U << 20, NULL);
	struct pz_archive_reader *r = pz_archive_reader_new(key, keep, &plain);
	FUZZ_CHECK(r != NULL);
	read_parts(rest, part, r, take_raw, &err);
	enum pz_err end = pz_archive_read_end(r, &info);
	fuzz_check_info(end, &info);
	FUZZ_CHECK(err == PZ_OK || end == err);
	pz_archive_reader_free(r);
	pz_buf_wipe(&plain);
}

static void
run_content(struct pz_slice content)
{
	struct pz_archive_writer *writer = NULL;
	struct pz_errinfo info = {""};
	struct pz_buf archive;
	const char *zone = NULL;
	enum pz_err err;

	pz_buf_init(&archive, PZ_ARCHIVE_BYTES_MAX, NULL);
	FUZZ_CHECK(pz_archive_writer_new(head, key, &archive, &writer, NULL) == PZ_OK);
	FUZZ_CHECK(pz_archive_write(writer, content) == PZ_OK);
	FUZZ_CHECK(pz_archive_finish(writer) == PZ_OK);
	pz_archive_writer_free(writer);
	struct pz_migration *m = pz_migration_new(key, &w.clock.env);
	FUZZ_CHECK(m != NULL);
	read_parts(pz_buf_slice(&archive), 4096, m, take_zone, &err);
	if (err == PZ_OK)
		err = pz_migration_end(m, &zone, &info);
	fuzz_check_info(err, &info);
	if (err == PZ_OK)
		settle(m, zone);
	FUZZ_CHECK(ERR_peek_error() == 0);
	pz_migration_free(m);
	pz_buf_wipe(&archive);
}

/* A device's record with a certificate that is good for the laptop. */
static void
fill_in(json_t *record)
{
	const char *ca = pz_json_str(record, "ca");
	char hash[2 * PZ_KEY_HASH_BYTES + 1];

	if (ca == NULL || strcmp(ca, "@") != 0)
		return;
	pz_hex_encode(laptop->ca_key_hash, sizeof(laptop->ca_key_hash), hash);
	json_object_set_new(record, "ca", json_string(laptop->ca_pem));
	json_object_set_new(record, "serial", json_string(laptop->serial));
	json_object_set_new(record, "keyHash", json_string(hash));
}

static void
run_records(struct pz_slice rest)
{
	struct pz_buf content;
	size_t count = 0;

	pz_buf_init(&content, 8U << 20, NULL);
	FUZZ_CHECK(pz_buf_append_str(&content, beginning) == PZ_OK);
	while (rest.len > 0) {
		json_t *line = pz_json_parse(fuzz_line(&rest), NULL);
		fill_in(json_object_get(line, "value"));
		char *text = line ? json_dumps(line, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
		if (text)
			FUZZ_CHECK(pz_buf_printf(&content, "%s\n", text) == PZ_OK);
		count += text != NULL;
		free(text);
		json_decref(line);
	}
	FUZZ_CHECK(pz_buf_printf(&content, "{\"end\":%zu}\n", count) == PZ_OK);
	run_content(pz_buf_slice(&content));
	pz_buf_fini(&content);
}

/* ---- a zone of our own ---- */

static enum pz_err
keep_first_lines(void *arg, struct pz_slice content, struct pz_errinfo *info)
{
	(void)arg;
	(void)info;
	char *text = pz_slice_dup(content);
	char *second = strchr(text, '\n');
	FUZZ_CHECK(second != NULL);
	char *end = strchr(second + 1, '\n');
	FUZZ_CHECK(end != NULL);
	end[1] = '\0';
	beginning = text;
	return PZ_OK;
}

/* No records: a store without a file behind it. */
static void
make_beginning(const struct pz_authority *a)
{
	struct pz_memory_disk *disk = pz_memory_disk_new();
	struct pz_store *store = pz_store_new_memory(&w.clock.env, disk, 0);
	struct pz_buf archive;

	pz_buf_init(&archive, PZ_ARCHIVE_BYTES_MAX, NULL);
	FUZZ_CHECK(pz_migration_write(a, store, 8041, head, key, &archive, NULL) == PZ_OK);
	struct pz_archive_reader *r = pz_archive_reader_new(key, keep_first_lines, NULL);
	FUZZ_CHECK(pz_archive_read(r, pz_buf_slice(&archive), NULL) == PZ_OK);
	FUZZ_CHECK(pz_archive_read_end(r, NULL) == PZ_OK);
	pz_archive_reader_free(r);
	pz_buf_wipe(&archive);
	pz_store_free(store);
	pz_memory_disk_free(disk);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_start();
	pz_kit_world_init(&w, 0);
	pz_archive_head_make(&w.clock.env, head);
	ours = pz_kit_authority_new(&w, FUZZ_ZONE);
	laptop = pz_kit_admit(&w, ours, FUZZ_DEVICE, NULL);
	make_beginning(ours);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pz_slice rest = pz_slice_of(data, size);
	uint8_t what = fuzz_byte(&rest);

	if (what == 'r')
		run_raw(rest);
	else if (what == 'c')
		run_content(rest);
	else
		run_records(rest);
	return 0;
}
