/*
 * Checks the chain on disk, one segment in each step. Between two steps records may be added (they
 * are checked too, or are after the end), and retention may remove segments (then the check begins
 * again).
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "audit/internal.h"
#include "base/codec.h"
#include "wire/json.h"

void
pz_audit_check_found(struct pz_audit_check *check, const char *fmt, ...)
{
	va_list ap;

	if (check->problem[0])
		return;
	va_start(ap, fmt);
	vsnprintf(check->problem, sizeof(check->problem), fmt, ap);
	va_end(ap);
}

/* ---- one record ---- */

/* An event of the log itself; a decision has no such member. */
void
pz_audit_check_event(struct pz_audit_check *check, struct pz_slice line)
{
	struct pz_slice event;
	int64_t number = 0;

	if (pz_json_check(line, true) != PZ_OK || pz_json_member(line, "event", &event) != PZ_OK)
		return;
	json_t *record = pz_json_read(line, PZ_JSON_OWN, NULL);
	const char *name = pz_json_str(record, "event"), *hex = pz_json_str(record, "digest");
	if (name && strcmp(name, "removed") == 0 &&
	    pz_json_int(record, "to", 0, INT64_MAX, &number) && hex &&
	    pz_hex_decode(pz_slice_str(hex), check->anchor_hash, PZ_AUDIT_HASH_BYTES) == PZ_OK)
		check->anchor = (uint64_t)number;
	else if (name && strcmp(name, "not-recorded") == 0 &&
		 pz_json_int(record, "count", 0, INT64_MAX, &number))
		check->lost += (uint64_t)number;
	else if (name && strcmp(name, "begun-anew") == 0)
		pz_audit_check_found(check,
				     "record %" PRIu64
				     ": the log could not be read then, and began anew: records "
				     "before it may be missing",
				     check->last);
	json_decref(record);
}

static void
check_place(struct pz_audit_check *check, uint64_t n)
{
	uint64_t expected = check->last + 1;

	if (n == expected + 1)
		pz_audit_check_found(check, "record %" PRIu64 " is missing", expected);
	else if (n > expected)
		pz_audit_check_found(check, "records %" PRIu64 " to %" PRIu64 " are missing",
				     expected, n - 1);
	else if (n < expected)
		pz_audit_check_found(check,
				     "record %" PRIu64 " comes behind record %" PRIu64
				     ": the order was altered",
				     n, check->last);
}

/* After the first problem nothing more is checked: every later hash depends on the faulty
 * record. */
void
pz_audit_check_line(struct pz_audit_check *check, struct pz_slice line)
{
	struct pz_audit_head head;

	if (check->problem[0])
		return;
	if (!pz_audit_line_head(line, &head)) {
		pz_audit_check_found(check, "what follows record %" PRIu64 " is no record",
				     check->last);
		return;
	}
	if (check->records == 0)
		check->first = head.n;
	check_place(check, head.n);
	if (!pz_audit_line_holds(line, check->hash))
		pz_audit_check_found(check, "record %" PRIu64 " was altered", head.n);
	check->last = head.n;
	memcpy(check->hash, head.hash, sizeof(head.hash));
	check->records++;
	pz_audit_check_event(check, line);
}

static enum pz_err
each_line(void *arg, struct pz_slice line)
{
	pz_audit_check_line(arg, line);
	return PZ_OK;
}

/* ---- the whole ---- */

static bool
is_end(const struct pz_audit_check *check, const struct pz_audit_head *head)
{
	return check->last == head->n && memcmp(check->hash, head->hash, sizeof(head->hash)) == 0;
}

static void
check_beginning(struct pz_audit_check *check)
{
	if (check->records == 0 || (check->first == 1 && check->anchor == 0))
		return;
	if (check->anchor + 1 != check->first ||
	    memcmp(check->before, check->anchor_hash, sizeof(check->before)) != 0)
		pz_audit_check_found(check,
				     "the log begins with record %" PRIu64
				     ", and retention has removed those up to "
				     "%" PRIu64 ": records before it are missing",
				     check->first, check->anchor);
}

/* The store was read after all commits, but their call-backs may not have run yet. */
static void
check_end(const struct pz_audit *audit, struct pz_audit_check *check)
{
	if (is_end(check, &audit->stored) || (audit->flight && is_end(check, &audit->flight->head)))
		return;
	if (check->last < audit->stored.n)
		pz_audit_check_found(check,
				     "the last record is %" PRIu64 ", and there were %" PRIu64
				     ": the newest are missing",
				     check->last, audit->stored.n);
	else
		pz_audit_check_found(check,
				     "record %" PRIu64 " is not the one that was written last",
				     check->last);
}

static const struct pz_audit_segment *
next_segment(const struct pz_audit *audit, const struct pz_audit_check *check)
{
	for (size_t i = 0; i < audit->segment_count; i++)
		if (!check->is_begun || audit->segments[i].number > check->segment)
			return &audit->segments[i];
	return NULL;
}

/* A first segment that a running commit begins is not known yet. */
static void
end(const struct pz_audit *audit, struct pz_audit_check *check)
{
	if (check->problem[0] == '\0')
		check_beginning(check);
	if (check->problem[0] == '\0')
		check_end(audit, check);
	check->is_ended = true;
}

static void
begin(const struct pz_audit *audit, struct pz_audit_check *check)
{
	*check = (struct pz_audit_check){.removals = audit->removals};
	if (audit->segment_count > 0) {
		check->last = audit->segments[0].first - 1;
		memcpy(check->before, audit->segments[0].before, sizeof(check->before));
	}
	memcpy(check->hash, check->before, sizeof(check->hash));
}

enum pz_err
pz_audit_check_step(struct pz_audit *audit, struct pz_audit_check *check, struct pz_errinfo *info)
{
	if (audit->flight && audit->flight->removed > 0)
		return PZ_OK; /* when that commit has ended, the content of the disk is known */
	if (!check->is_begun || check->removals != audit->removals)
		begin(audit, check);
	const struct pz_audit_segment *s = next_segment(audit, check);
	if (s == NULL) {
		end(audit, check);
		return PZ_OK;
	}
	check->is_begun = true;
	check->segment = s->number;
	PZ_TRY(pz_audit_load_lines(audit, s->number, each_line, check, info));
	if (check->problem[0] || next_segment(audit, check) == NULL)
		end(audit, check);
	return PZ_OK;
}
