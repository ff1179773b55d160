/* Records for people: one segment at a time, so that the disk does not block the loop for long. */
#include <string.h>

#include "audit/internal.h"
#include "wire/json.h"

struct reading {
	const struct pz_audit_query *query;
	json_t *records;
	uint64_t seen; /* number of the last record that was read */
	bool is_full;
};

/* ---- which records ---- */

/* WHO is the whole text of a record, or some of its parts with '/' between them. */
static bool
is_who(const json_t *record, const char *wanted)
{
	static const char *const names[] = {"zone", "device", "app"};
	const json_t *who = json_object_get(record, "who");

	for (size_t first = 0; first < 3; first++) {
		const char *rest = wanted;

		for (size_t i = first; i < 3; i++) {
			const char *part = pz_json_str(who, names[i]);
			size_t len = part ? strlen(part) : 0;

			if (len == 0 || strncmp(rest, part, len) != 0)
				break;
			if (rest[len] == '\0')
				return true;
			if (rest[len] != '/')
				break;
			rest += len + 1;
		}
	}
	return false;
}

static bool
is_wanted(const json_t *record, const struct pz_audit_query *query)
{
	double time_s = json_number_value(json_object_get(record, "time"));
	bool is_event = json_object_get(record, "event") != NULL;

	if (time_s * 1000 + 0.5 < (double)query->since_ms)
		return false;
	if (query->is_denied_only && (is_event || json_is_true(json_object_get(record, "allowed"))))
		return false;
	return query->who == NULL || is_who(record, query->who);
}

/* ---- reading ---- */

/* A line that is not a record is skipped: the check reports it. */
static enum pz_err
each_line(void *arg, struct pz_slice line)
{
	struct reading *r = arg;
	struct pz_audit_head head;

	if (r->is_full || !pz_audit_line_head(line, &head) || head.n <= r->seen)
		return PZ_OK;
	if (json_array_size(r->records) >= PZ_AUDIT_READ_MAX) {
		r->is_full = true;
		return PZ_OK;
	}
	r->seen = head.n;
	if (r->query->is_raw)
		return json_array_append_new(r->records,
					     json_stringn((const char *)line.ptr, line.len)) == 0
			       ? PZ_OK
			       : PZ_ERR_LIMIT_MEMORY;
	json_t *record = pz_json_read(line, PZ_JSON_OWN, NULL);
	if (record && is_wanted(record, r->query) && json_array_append(r->records, record) != 0) {
		json_decref(record);
		return PZ_ERR_LIMIT_MEMORY;
	}
	json_decref(record);
	return PZ_OK;
}

/* The last record of a segment, from what is in memory. */
static uint64_t
last_of(const struct pz_audit *audit, size_t i)
{
	return i + 1 < audit->segment_count ? audit->segments[i + 1].first - 1 : audit->stored.n;
}

static enum pz_err
read_segments(struct pz_audit *audit, struct reading *r, struct pz_errinfo *info)
{
	for (size_t i = 0; i < audit->segment_count; i++) {
		const struct pz_audit_segment *s = &audit->segments[i];

		if (last_of(audit, i) <= r->seen)
			continue;
		if (s->last_ms < r->query->since_ms) {
			r->seen = last_of(audit, i);
			continue;
		}
		PZ_TRY(pz_audit_load_lines(audit, s->number, each_line, r, info));
		if (!r->is_full && r->seen < last_of(audit, i))
			r->seen = last_of(audit, i); /* some lines are missing there */
		return PZ_OK;
	}
	return PZ_OK;
}

static enum pz_err
read_queue(const struct pz_audit *audit, struct reading *r)
{
	struct pz_slice rest = pz_buf_slice(&audit->queue), line;

	while (pz_audit_line_next(&rest, &line))
		PZ_TRY(each_line(r, line));
	return PZ_OK;
}

enum pz_err
pz_audit_read(struct pz_audit *audit, const struct pz_audit_query *query, json_t **out,
	      struct pz_errinfo *info)
{
	struct reading r = {.query = query, .records = json_array(), .seen = query->after};

	enum pz_err err = r.records ? read_segments(audit, &r, info) : PZ_ERR_LIMIT_MEMORY;
	if (err == PZ_OK && r.seen >= audit->stored.n)
		err = read_queue(audit, &r);
	if (err != PZ_OK) {
		json_decref(r.records);
		return pz_fail(info, err, "the log of decisions cannot be read: %s",
			       pz_err_text(err));
	}
	*out = json_pack("{s:o}", "records", r.records);
	if (*out && r.seen < audit->last.n && r.seen > query->after)
		json_object_set_new(*out, "next", json_integer((json_int_t)r.seen));
	return *out ? PZ_OK : PZ_ERR_LIMIT_MEMORY;
}
