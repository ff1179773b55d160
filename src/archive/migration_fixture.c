#include "archive/migration_fixture.h"

struct pz_kit_world w, target;
struct pz_authority *zone;

uint8_t head[PZ_ARCHIVE_HEAD_BYTES], key[PZ_ARCHIVE_KEY_BYTES];

struct pz_authority *
new_zone(const char *name)
{
	struct pz_txn *txn = pz_kit_txn();
	struct pz_authority *a = NULL;

	assert_ok(pz_authority_create(name, HOST, "Alice", "ec-p256", w.keys, &w.clock.env, txn, &a,
				      NULL));
	assert_ok(pz_kit_world_commit(&w, txn));
	return a;
}

struct pz_shared *
shared_of(struct pz_kit_world *at)
{
	char space[PZ_SHARED_SPACE_CHARS];
	struct pz_shared *shared = NULL;
	size_t skipped = 0;

	pz_shared_space(ZONE, space);
	struct pz_shared_config config = {
		.store = at->store, .env = &at->clock.env, .space = space, .self = ZONE};
	assert_ok(pz_shared_load(&config, &shared, &skipped, &w.info));
	assert_int_equal(skipped, 0);
	return shared;
}

void
share(void)
{
	struct pz_shared *shared = shared_of(&w);

	assert_ok(pz_shared_write(shared, PZ_SYNC_USER_DETAILS, "fullName", "\"Alice\"", NULL, NULL,
				  &w.info));
	assert_ok(pz_shared_write(shared, PZ_SYNC_USER_DETAILS, "device/tv", "\"Den\"", NULL, NULL,
				  &w.info));
	pz_kit_clock_run(&w.clock, 0);
	pz_shared_free(shared);
}

int
set_up(void **state)
{
	(void)state;
	pz_kit_world_init(&w, 0);
	pz_kit_world_init(&target, 0);
	zone = new_zone(ZONE);
	pz_kit_admit(&w, zone, "laptop", NULL);
	pz_kit_admit(&w, zone, "phone", NULL);
	pz_kit_admit(&w, zone, "tv", NULL);
	pz_kit_revoke(&w, zone, "phone", PZ_REVOKED_BY_OWNER);
	pz_kit_admit(&w, zone, "watch", NULL);
	pz_kit_revoke(&w, zone, "watch", PZ_REVOKED_BY_OWNER);
	pz_kit_admit(&w, zone, "watch", NULL); /* another device of that name */
	share();
	pz_archive_head_make(&w.clock.env, head);
	randombytes_buf(key, sizeof(key));
	return 0;
}

int
tear_down(void **state)
{
	(void)state;
	pz_authority_free(zone);
	pz_kit_world_fini(&w);
	pz_kit_world_fini(&target);
	return 0;
}

/* ---- archives, and what is in them ---- */

struct pz_buf
exported(const struct pz_authority *a, uint16_t port)
{
	struct pz_buf out;

	pz_buf_init(&out, PZ_ARCHIVE_BYTES_MAX, NULL);
	assert_ok(pz_migration_write(a, w.store, port, head, key, &out, &w.info));
	return out;
}

static enum pz_err
keep(void *arg, struct pz_slice content, struct pz_errinfo *info)
{
	(void)info;
	return pz_buf_append(arg, content);
}

char *
content_of(const struct pz_buf *archive)
{
	struct pz_buf text;

	pz_buf_init(&text, PZ_ARCHIVE_BYTES_MAX, NULL);
	struct pz_archive_reader *r = pz_archive_reader_new(key, keep, &text);
	assert_ok(pz_archive_read(r, pz_buf_slice(archive), &w.info));
	assert_ok(pz_archive_read_end(r, &w.info));
	pz_archive_reader_free(r);
	char *copy = pz_slice_dup(pz_buf_slice(&text));
	pz_buf_fini(&text);
	assert_non_null(copy);
	return copy;
}

void
good_lines(json_t *out[LINES])
{
	struct pz_buf archive = exported(zone, 8041);
	char *text = content_of(&archive), *rest = text;

	for (size_t i = 0; i < LINES; i++) {
		char *line = strsep(&rest, "\n");
		out[i] = json_loads(line, 0, NULL);
		assert_non_null(out[i]);
	}
	assert_string_equal(rest, "");
	free(text);
	pz_buf_wipe(&archive);
}

struct pz_buf
sealed(const char *content)
{
	struct pz_archive_writer *writer = NULL;
	struct pz_buf out;

	pz_buf_init(&out, PZ_ARCHIVE_BYTES_MAX, NULL);
	assert_ok(pz_archive_writer_new(head, key, &out, &writer, &w.info));
	assert_ok(pz_archive_write(writer, pz_slice_str(content)));
	assert_ok(pz_archive_finish(writer));
	pz_archive_writer_free(writer);
	return out;
}

struct pz_migration *migration;

enum pz_err
try_read(const struct pz_buf *archive)
{
	const char *name = NULL;

	migration = pz_migration_new(key, &target.clock.env);
	assert_non_null(migration);
	enum pz_err err = pz_migration_read(migration, pz_buf_slice(archive), &w.info);
	if (err == PZ_OK)
		err = pz_migration_end(migration, &name, &w.info);
	if (err == PZ_OK) {
		assert_non_null(name);
	} else {
		assert_true(w.info.text[0] != '\0');
		pz_migration_free(PZ_TAKE(migration));
	}
	return err;
}

void
free_lines(json_t *lines[LINES])
{
	for (size_t i = 0; i < LINES; i++)
		json_decref(lines[i]);
}

void
refuse_lines(json_t *lines[LINES], enum pz_err expected, const char *word)
{
	struct pz_buf text;

	pz_buf_init(&text, PZ_ARCHIVE_BYTES_MAX, NULL);
	for (size_t i = 0; i < LINES; i++) {
		char *line = json_dumps(lines[i], JSON_COMPACT);
		assert_ok(pz_buf_append_str(&text, line));
		assert_ok(pz_buf_append_str(&text, "\n"));
		free(line);
	}
	assert_ok(pz_buf_append(&text, pz_slice_of("", 1)));
	struct pz_buf archive = sealed((const char *)pz_buf_slice(&text).ptr);
	if (try_read(&archive) != expected || strstr(w.info.text, word) == NULL)
		fail_msg("expected '%s', not '%s'", word, w.info.text);
	pz_buf_fini(&text);
	pz_buf_wipe(&archive);
	free_lines(lines);
}

void
refuse(size_t line, const char *name, json_t *takes_value, enum pz_err expected, const char *word)
{
	json_t *lines[LINES];

	good_lines(lines);
	json_t *object = line >= 2 && strcmp(name, "space") != 0 && strcmp(name, "key") != 0 &&
					 strcmp(name, "value") != 0 && line < LINES - 1
				 ? json_object_get(lines[line], "value")
				 : lines[line];
	if (takes_value)
		json_object_set_new(object, name, takes_value);
	else
		json_object_del(object, name);
	refuse_lines(lines, expected, word);
}

static enum pz_err
take_zone(void *arg, struct pz_authority *takes)
{
	struct pz_authority **slot = arg;

	assert_null(*slot);
	*slot = takes;
	return PZ_OK;
}

struct pz_authority *
imported(const struct pz_buf *archive, const char *host, uint16_t port)
{
	struct pz_authority *a = NULL;
	struct pz_txn *txn = NULL;

	assert_ok(try_read(archive));
	assert_ok(pz_migration_settle(migration, host, port, target.keys, &txn, &a, &w.info));
	pz_migration_free(PZ_TAKE(migration));
	assert_ok(pz_kit_world_commit(&target, txn));
	pz_authority_free(a);
	a = NULL;
	pz_kit_world_restart(&target);
	assert_ok(pz_authority_load_all(target.store, target.keys, &target.clock.env, take_zone, &a,
					&w.info));
	assert_non_null(a);
	return a;
}
