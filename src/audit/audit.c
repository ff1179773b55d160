/* The log: what is recorded, its life, and its end. */
#include "audit/internal.h"

#include <stdlib.h>

/* ---- records ---- */

static void
lose(struct pz_audit *audit)
{
	audit->lost++;
	pz_env_start(audit->config.env, &audit->calm, PZ_AUDIT_CALM_US);
	if (!pz_condition_is_raised(audit->config.conditions, PZ_CONDITION_AUDIT_BEHIND, NULL))
		pz_condition_raise(audit->config.conditions, PZ_CONDITION_AUDIT_BEHIND, NULL,
				   "more is decided than can be recorded: the queue is full, and "
				   "decisions are only counted");
}

/* The line of an equal decision without its time; ptr NULL: that line is not kept. */
static struct pz_slice
rest_of(const struct pz_audit *audit, uint64_t same)
{
	const struct pz_audit_same *kept = &audit->sames[same % PZ_AUDIT_SAMES];

	return same > 0 && kept->same == same ? pz_slice_of(kept->text, kept->len)
					      : pz_slice_of(NULL, 0);
}

static void
keep_rest(struct pz_audit *audit, uint64_t same, const struct pz_audit_line *line)
{
	struct pz_audit_same *kept = &audit->sames[same % PZ_AUDIT_SAMES];
	struct pz_slice rest = pz_audit_line_rest(line);

	free(kept->text);
	*kept = (struct pz_audit_same){.same = same, .len = rest.len, .text = pz_slice_dup(rest)};
	if (kept->text == NULL)
		kept->same = 0;
}

/* False if it is too long. */
static bool
make_line(struct pz_audit *audit, const struct pz_audit_entry *entry, struct pz_audit_head *head,
	  struct pz_audit_line *line)
{
	uint64_t now = entry->time_ms ? entry->time_ms : pz_env_wall_ms(audit->config.env);
	struct pz_slice rest = rest_of(audit, entry->same);

	if (rest.ptr)
		return pz_audit_line_again(line, head, now, rest);
	if (!pz_audit_line_entry(line, head, now, entry))
		return false;
	if (entry->same > 0)
		keep_rest(audit, entry->same, line);
	return true;
}

void
pz_audit_record(struct pz_audit *audit, const struct pz_audit_entry *entry)
{
	struct pz_audit_line line;

	if (audit == NULL)
		return;
	pz_audit_note_gap(audit, false);
	struct pz_audit_head head = audit->last;
	if (audit->lost > 0 || !make_line(audit, entry, &head, &line) ||
	    !pz_audit_has_room(audit, line.len) || !pz_audit_enqueue(audit, &line, &head))
		lose(audit);
}

/* ---- life ---- */

static void
on_save(struct pz_timer *timer, void *arg)
{
	(void)timer;
	pz_audit_save(arg);
}

static void
on_look(struct pz_timer *timer, void *arg)
{
	struct pz_audit *audit = arg;

	pz_env_start(audit->config.env, timer, PZ_AUDIT_LOOK_US);
	pz_audit_look(audit);
}

/* No record was lost for some time. */
static void
on_calm(struct pz_timer *timer, void *arg)
{
	struct pz_audit *audit = arg;

	if (audit->lost > 0)
		pz_env_start(audit->config.env, timer, PZ_AUDIT_CALM_US);
	else if (!audit->is_behind)
		pz_condition_clear(audit->config.conditions, PZ_CONDITION_AUDIT_BEHIND, NULL);
}

enum pz_err
pz_audit_new(const struct pz_audit_config *config, struct pz_audit **out, struct pz_errinfo *info)
{
	struct pz_audit *audit = calloc(1, sizeof(*audit));

	if (audit == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	audit->config = *config;
	audit->days = PZ_AUDIT_DAYS;
	audit->bytes_max = PZ_AUDIT_BYTES;
	/* The queue has room for records of the log itself even when it is full of decisions. */
	pz_buf_init(&audit->queue, 2 * PZ_AUDIT_QUEUE_BYTES_MAX, NULL);
	pz_timer_init(&audit->save, on_save, audit);
	pz_timer_init(&audit->look, on_look, audit);
	pz_timer_init(&audit->calm, on_calm, audit);
	enum pz_err err = pz_audit_load(audit, info);
	if (err != PZ_OK) {
		audit->is_paused = true; /* nothing is written when the log ends */
		pz_audit_free(audit);
		return err;
	}
	pz_env_start(audit->config.env, &audit->look, PZ_AUDIT_LOOK_US);
	*out = audit;
	return PZ_OK;
}

void
pz_audit_free(struct pz_audit *audit)
{
	if (audit == NULL)
		return;
	pz_audit_save_now(audit);
	if (audit->flight)
		audit->flight->audit = NULL; /* the store owns it now */
	pz_env_stop(audit->config.env, &audit->save);
	pz_env_stop(audit->config.env, &audit->look);
	pz_env_stop(audit->config.env, &audit->calm);
	pz_buf_fini(&audit->queue);
	for (size_t i = 0; i < PZ_AUDIT_SAMES; i++)
		free(audit->sames[i].text);
	free(audit->segments);
	free(audit);
}

void
pz_audit_set_retention(struct pz_audit *audit, unsigned days, uint64_t bytes)
{
	audit->days = days > 0 ? days : 1;
	audit->bytes_max = bytes > PZ_AUDIT_BYTES_MIN ? bytes : PZ_AUDIT_BYTES_MIN;
	pz_audit_look(audit);
}

void
pz_audit_save_now(struct pz_audit *audit)
{
	pz_audit_note_gap(audit, true);
	pz_audit_save_last(audit);
}

/* ---- the end of a membership ---- */

enum pz_err
pz_audit_wipe(struct pz_audit *audit, struct pz_txn *txn)
{
	char space[PZ_AUDIT_NAME_BYTES];

	for (size_t i = 0; i < audit->segment_count; i++) {
		pz_audit_segment_space(audit->segments[i].number, space);
		PZ_TRY(pz_txn_remove_space(txn, space));
	}
	if (audit->has_target) {
		pz_audit_segment_space(audit->target.number, space);
		PZ_TRY(pz_txn_remove_space(txn, space));
	}
	PZ_TRY(pz_txn_remove_space(txn, PZ_AUDIT_SPACE));
	audit->is_paused = true;
	return PZ_OK;
}

/* A commit that was under way has ended before. */
static void
forget(struct pz_audit *audit)
{
	pz_buf_fini(&audit->queue);
	audit->queued = audit->removing = audit->segment_count = 0;
	audit->lost = 0;
	audit->last = audit->stored = (struct pz_audit_head){0};
	audit->has_target = audit->is_behind = audit->is_fresh_next = false;
	audit->removals++;
}

void
pz_audit_wiped(struct pz_audit *audit, bool is_removed)
{
	audit->is_paused = false;
	if (is_removed)
		forget(audit);
	else if (audit->queue.len > 0)
		pz_env_start(audit->config.env, &audit->save, PZ_AUDIT_SAVE_US);
}
