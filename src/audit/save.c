/*
 * Writes to the store. A commit writes the whole queue as one block of a segment, the record of the
 * segment, and the head, so after a crash the disk holds a chain with its end.
 *
 * Retention removes whole segments. The same transaction writes a record of the removal, with
 * number and hash of the last removed record. A missing beginning without such a record is a fault.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/internal.h"
#include "base/codec.h"

#define DAY_MS (UINT64_C(86400) * 1000)

void
pz_audit_segment_space(uint64_t number, char out[PZ_AUDIT_NAME_BYTES])
{
	snprintf(out, PZ_AUDIT_NAME_BYTES, "audit.%016" PRIx64, number);
}

void
pz_audit_segment_key(uint64_t number, char out[PZ_AUDIT_NAME_BYTES])
{
	snprintf(out, PZ_AUDIT_NAME_BYTES, "segment.%016" PRIx64, number);
}

enum pz_err
pz_audit_reserve(struct pz_audit *audit)
{
	if (audit->segment_count < audit->segment_cap)
		return PZ_OK;
	size_t cap = audit->segment_cap ? 2 * audit->segment_cap : 16;
	struct pz_audit_segment *grown = realloc(audit->segments, cap * sizeof(*grown));
	if (grown == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	audit->segments = grown;
	audit->segment_cap = cap;
	return PZ_OK;
}

/* ---- retention ---- */

static bool
is_too_old(const struct pz_audit *audit, const struct pz_audit_segment *s)
{
	uint64_t now = pz_env_wall_ms(audit->config.env);

	return s->last_ms < now && now - s->last_ms > audit->days * DAY_MS;
}

static uint64_t
bytes_from(const struct pz_audit *audit, size_t first)
{
	uint64_t sum = audit->queue.len;

	for (size_t i = first; i < audit->segment_count; i++)
		sum += audit->segments[i].bytes;
	return sum;
}

/* The limit of size alone never removes the newest segment. */
static size_t
count_to_remove(const struct pz_audit *audit)
{
	size_t count = 0;

	while (count < audit->segment_count && is_too_old(audit, &audit->segments[count]))
		count++;
	while (count + 1 < audit->segment_count && bytes_from(audit, count) > audit->bytes_max)
		count++;
	return count;
}

/* A segment that a running or failed commit writes to must stay. */
static void
plan_removal(struct pz_audit *audit)
{
	size_t count = count_to_remove(audit), stays = audit->segment_count;

	if (audit->has_target && !audit->is_target_new)
		stays--;
	if (count > stays)
		count = stays;
	if (count <= audit->removing)
		return;
	audit->removing = count;
	bool is_all = count == audit->segment_count;
	uint64_t next = is_all ? audit->stored.n + 1 : audit->segments[count].first;
	pz_audit_note(audit, "removed", "to", next - 1,
		      is_all ? audit->stored.hash : audit->segments[count].before);
}

void
pz_audit_look(struct pz_audit *audit)
{
	if (audit->flight == NULL && !audit->is_paused)
		plan_removal(audit); /* the record of the removal begins a commit */
}

/* ---- where the queue goes ---- */

static bool
needs_new(const struct pz_audit *audit)
{
	if (audit->segment_count == 0 || audit->is_fresh_next ||
	    audit->removing == audit->segment_count)
		return true;
	const struct pz_audit_segment *s = &audit->segments[audit->segment_count - 1];
	return s->bytes >= PZ_AUDIT_SEGMENT_BYTES ||
	       s->began_ms / DAY_MS != pz_env_wall_ms(audit->config.env) / DAY_MS;
}

/* Chosen once, and kept until a commit has succeeded, so that a retry writes the same segment with
 * the same beginning. */
static void
choose_target(struct pz_audit *audit)
{
	const struct pz_audit_segment *last =
		audit->segment_count ? &audit->segments[audit->segment_count - 1] : NULL;

	if (audit->has_target)
		return;
	audit->has_target = true;
	audit->is_target_new = needs_new(audit);
	if (!audit->is_target_new) {
		audit->target = *last;
		return;
	}
	audit->target = (struct pz_audit_segment){
		.number = last ? last->number + 1 : 1,
		.first = audit->stored.n + 1,
		.began_ms = pz_env_wall_ms(audit->config.env),
	};
	memcpy(audit->target.before, audit->stored.hash, PZ_AUDIT_HASH_BYTES);
}

/* ---- the transaction ---- */

static enum pz_err
put_segment(struct pz_txn *txn, const struct pz_audit_segment *s)
{
	char key[PZ_AUDIT_NAME_BYTES], hex[2 * PZ_AUDIT_HASH_BYTES + 1], text[256];

	pz_audit_segment_key(s->number, key);
	pz_hex_encode(s->before, sizeof(s->before), hex);
	int len = snprintf(text, sizeof(text),
			   "{\"first\":%" PRIu64 ",\"before\":\"%s\",\"bytes\":%" PRIu64
			   ",\"began\":%" PRIu64 ",\"last\":%" PRIu64 "}",
			   s->first, hex, s->bytes, s->began_ms, s->last_ms);
	return pz_txn_put(txn, PZ_AUDIT_SPACE, key, pz_slice_of(text, (size_t)len));
}

static enum pz_err
put_head(struct pz_txn *txn, const struct pz_audit_head *head)
{
	char hex[2 * PZ_AUDIT_HASH_BYTES + 1], text[128];

	pz_hex_encode(head->hash, sizeof(head->hash), hex);
	int len = snprintf(text, sizeof(text), "{\"n\":%" PRIu64 ",\"hash\":\"%s\"}", head->n, hex);
	return pz_txn_put(txn, PZ_AUDIT_SPACE, PZ_AUDIT_HEAD_KEY, pz_slice_of(text, (size_t)len));
}

static enum pz_err
put_removal(struct pz_txn *txn, uint64_t number)
{
	char name[PZ_AUDIT_NAME_BYTES];

	pz_audit_segment_space(number, name);
	PZ_TRY(pz_txn_remove_space(txn, name));
	pz_audit_segment_key(number, name);
	return pz_txn_remove(txn, PZ_AUDIT_SPACE, name);
}

static enum pz_err
fill(const struct pz_audit *audit, const struct pz_audit_flight *flight, struct pz_txn *txn)
{
	char space[PZ_AUDIT_NAME_BYTES], key[PZ_AUDIT_NAME_BYTES];

	for (size_t i = 0; i < flight->removed; i++)
		PZ_TRY(put_removal(txn, audit->segments[i].number));
	pz_audit_segment_space(flight->segment.number, space);
	snprintf(key, sizeof(key), "%016" PRIx64, audit->stored.n + 1);
	PZ_TRY(pz_txn_put(txn, space, key, pz_buf_slice(&audit->queue)));
	PZ_TRY(put_segment(txn, &flight->segment));
	return put_head(txn, &flight->head);
}

/* ---- its end ---- */

static void
take_over(struct pz_audit *audit, const struct pz_audit_flight *flight)
{
	pz_buf_consume(&audit->queue, flight->bytes);
	audit->queued -= flight->records;
	audit->stored = flight->head;
	if (audit->is_target_new)
		audit->segment_count++; /* memory was reserved before */
	audit->segments[audit->segment_count - 1] = flight->segment;
	audit->has_target = audit->is_fresh_next = false;
	if (flight->removed > 0) {
		audit->segment_count -= flight->removed;
		memmove(audit->segments, audit->segments + flight->removed,
			audit->segment_count * sizeof(*audit->segments));
		audit->removing -= flight->removed;
		audit->removals++;
	}
}

static void
failed(struct pz_audit *audit, enum pz_err err, const char *detail)
{
	audit->is_behind = true;
	pz_condition_raise(audit->config.conditions, PZ_CONDITION_AUDIT_BEHIND, NULL,
			   "decisions cannot be recorded on disk: %s",
			   detail[0] ? detail : pz_err_text(err));
	pz_env_start(audit->config.env, &audit->save, PZ_STORE_AGAIN_US);
}

static void
succeeded(struct pz_audit *audit, const struct pz_audit_flight *flight)
{
	take_over(audit, flight);
	pz_audit_note_gap(audit, false);
	audit->is_behind = false;
	if (!audit->calm.active) /* otherwise a loss is recent */
		pz_condition_clear(audit->config.conditions, PZ_CONDITION_AUDIT_BEHIND, NULL);
	if (audit->queue.len > 0)
		pz_env_start(audit->config.env, &audit->save, PZ_AUDIT_SAVE_US);
}

static void
on_saved(void *arg, enum pz_err err, const char *detail)
{
	struct pz_audit_flight *flight = arg;
	struct pz_audit *audit = flight->audit;

	if (audit && audit->flight == flight) {
		audit->flight = NULL;
		if (err == PZ_OK)
			succeeded(audit, flight);
		else
			failed(audit, err, detail);
	}
	free(flight);
}

/* ---- a commit ---- */

static struct pz_audit_flight *
flight_new(struct pz_audit *audit)
{
	struct pz_audit_flight *flight = calloc(1, sizeof(*flight));

	if (flight == NULL || pz_audit_reserve(audit) != PZ_OK) {
		free(flight);
		return NULL;
	}
	choose_target(audit);
	*flight = (struct pz_audit_flight){
		.audit = audit,
		.bytes = audit->queue.len,
		.records = audit->queued,
		.removed = audit->removing,
		.head = audit->last,
		.segment = audit->target,
	};
	flight->segment.bytes += audit->queue.len;
	flight->segment.last_ms = pz_env_wall_ms(audit->config.env);
	return flight;
}

/* Not during the end of the store: see pz_audit_save_last. */
static void
commit(struct pz_audit *audit)
{
	struct pz_txn *txn = pz_txn_new();
	struct pz_audit_flight *flight = txn ? flight_new(audit) : NULL;

	if (flight == NULL || fill(audit, flight, txn) != PZ_OK) {
		pz_txn_free(txn);
		free(flight);
		failed(audit, PZ_ERR_LIMIT_MEMORY, "out of memory");
		return;
	}
	if (audit->flight)
		audit->flight->audit = NULL;
	audit->flight = flight;
	pz_txn_on_drop(txn, free);
	pz_store_commit(audit->config.store, txn, on_saved, flight);
}

void
pz_audit_save(struct pz_audit *audit)
{
	if (audit->flight || audit->is_paused)
		return;
	plan_removal(audit);
	if (audit->queue.len > 0)
		commit(audit);
}

/* A commit under way may fail, so this one writes the same records again: the same block of the
 * same segment, with more in it. */
void
pz_audit_save_last(struct pz_audit *audit)
{
	if (audit->is_paused || audit->queue.len == 0)
		return;
	if (audit->flight == NULL || audit->flight->head.n != audit->last.n)
		commit(audit);
}
