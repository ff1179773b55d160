/*
 * Loads the log from the store. What cannot be read does not stop the daemon, but is reported: the
 * condition audit-damaged is raised, the chain begins again after the last known record, and the
 * record "begun-anew" makes every check fail until retention has removed it.
 */
#include <stdio.h>
#include <string.h>

#include "audit/internal.h"
#include "base/codec.h"
#include "wire/json.h"

#define SEGMENT_KEY "segment."

/* ---- lines ---- */

struct lines {
	enum pz_err (*each)(void *arg, struct pz_slice line);
	void *arg;
};

static enum pz_err
each_block(void *arg, const char *key, struct pz_slice value)
{
	const struct lines *lines = arg;
	struct pz_slice line;

	(void)key;
	while (pz_audit_line_next(&value, &line))
		PZ_TRY(lines->each(lines->arg, line));
	return PZ_OK;
}

enum pz_err
pz_audit_load_lines(struct pz_audit *audit, uint64_t segment,
		    enum pz_err (*each)(void *arg, struct pz_slice line), void *arg,
		    struct pz_errinfo *info)
{
	struct lines lines = {each, arg};
	char space[PZ_AUDIT_NAME_BYTES];

	pz_audit_segment_space(segment, space);
	return pz_store_load(audit->config.store, space, each_block, &lines, info);
}

/* ---- head and segments ---- */

static bool
read_hash(const json_t *record, const char *name, uint8_t out[PZ_AUDIT_HASH_BYTES])
{
	const char *hex = pz_json_str(record, name);

	return hex && pz_hex_decode(pz_slice_str(hex), out, PZ_AUDIT_HASH_BYTES) == PZ_OK;
}

static bool
read_number(const json_t *record, const char *name, uint64_t *out)
{
	int64_t value;

	if (!pz_json_int(record, name, 0, INT64_MAX, &value))
		return false;
	*out = (uint64_t)value;
	return true;
}

static bool
read_head(const json_t *record, struct pz_audit_head *out)
{
	return read_number(record, "n", &out->n) && read_hash(record, "hash", out->hash);
}

static bool
read_segment(const json_t *record, struct pz_audit_segment *out)
{
	return read_number(record, "first", &out->first) &&
	       read_hash(record, "before", out->before) &&
	       read_number(record, "bytes", &out->bytes) &&
	       read_number(record, "began", &out->began_ms) &&
	       read_number(record, "last", &out->last_ms);
}

struct loading {
	struct pz_audit *audit;
	bool has_head;
	char damage[96]; /* the first damage; "": none */
};

static void
damaged(struct loading *loading, const char *key)
{
	if (loading->damage[0] == '\0')
		snprintf(loading->damage, sizeof(loading->damage),
			 "what is stored as '%.40s' cannot be read", key);
}

/* The number of a segment is 16 hex digits of its key. */
static bool
read_key(const char *key, uint64_t *out)
{
	uint8_t bytes[8];
	size_t prefix = strlen(SEGMENT_KEY);

	if (strncmp(key, SEGMENT_KEY, prefix) != 0 ||
	    pz_hex_decode(pz_slice_str(key + prefix), bytes, sizeof(bytes)) != PZ_OK)
		return false;
	*out = 0;
	for (size_t i = 0; i < sizeof(bytes); i++)
		*out = *out << 8 | bytes[i];
	return true;
}

/* A segment that cannot be read keeps its place: its records may be intact. */
static enum pz_err
load_segment(struct loading *loading, const char *key, const json_t *record)
{
	struct pz_audit *audit = loading->audit;
	uint64_t now = pz_env_wall_ms(audit->config.env);
	struct pz_audit_segment s = {0};

	if (!read_key(key, &s.number)) {
		damaged(loading, key);
		return PZ_OK;
	}
	if (!read_segment(record, &s)) {
		damaged(loading, key);
		s = (struct pz_audit_segment){.number = s.number,
					      .bytes = PZ_AUDIT_SEGMENT_BYTES,
					      .began_ms = now,
					      .last_ms = now};
	}
	PZ_TRY(pz_audit_reserve(audit));
	audit->segments[audit->segment_count++] = s;
	return PZ_OK;
}

static enum pz_err
load_one(void *arg, const char *key, struct pz_slice value)
{
	struct loading *loading = arg;
	enum pz_err err = PZ_OK;
	json_t *record = pz_json_read(value, PZ_JSON_OWN, NULL);

	if (strcmp(key, PZ_AUDIT_HEAD_KEY) == 0)
		loading->has_head = read_head(record, &loading->audit->stored);
	else
		err = load_segment(loading, key, record);
	json_decref(record);
	return err;
}

/* ---- damage ---- */

static enum pz_err
note_last(void *arg, struct pz_slice line)
{
	struct pz_audit_head *last = arg, head;

	if (pz_audit_line_head(line, &head) && head.n > last->n)
		*last = head;
	return PZ_OK;
}

static enum pz_err
note_first(void *arg, struct pz_slice line)
{
	uint64_t *first = arg;
	struct pz_audit_head head;

	if (*first == 0 && pz_audit_line_head(line, &head))
		*first = head.n;
	return PZ_OK;
}

/* If the record of a segment cannot be read, its first line shows where it begins. */
static enum pz_err
find_firsts(struct pz_audit *audit, uint64_t behind, struct pz_errinfo *info)
{
	for (size_t i = audit->segment_count; i > 0; i--) {
		struct pz_audit_segment *s = &audit->segments[i - 1];

		if (s->first == 0)
			PZ_TRY(pz_audit_load_lines(audit, s->number, note_first, &s->first, info));
		if (s->first == 0)
			s->first = behind;
		behind = s->first;
	}
	return PZ_OK;
}

static enum pz_err
begin_anew(struct loading *loading, struct pz_errinfo *info)
{
	struct pz_audit *audit = loading->audit;
	struct pz_audit_head last = audit->stored;

	if (audit->segment_count > 0)
		PZ_TRY(pz_audit_load_lines(audit, audit->segments[audit->segment_count - 1].number,
					   note_last, &last, info));
	PZ_TRY(find_firsts(audit, last.n + 1, info));
	audit->stored = audit->last = last;
	audit->is_fresh_next = true;
	pz_condition_raise(audit->config.conditions, PZ_CONDITION_AUDIT_DAMAGED, NULL,
			   "the log of decisions is damaged: %s", loading->damage);
	pz_audit_note(audit, "begun-anew", "after", last.n, NULL);
	return PZ_OK;
}

enum pz_err
pz_audit_load(struct pz_audit *audit, struct pz_errinfo *info)
{
	struct loading loading = {.audit = audit};

	PZ_TRY(pz_store_load(audit->config.store, PZ_AUDIT_SPACE, load_one, &loading, info));
	if (!loading.has_head && audit->segment_count > 0)
		damaged(&loading, PZ_AUDIT_HEAD_KEY);
	else if (loading.has_head && audit->segment_count == 0)
		damaged(&loading, SEGMENT_KEY);
	audit->last = audit->stored;
	return loading.damage[0] ? begin_anew(&loading, info) : PZ_OK;
}
