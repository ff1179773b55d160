/* The queue: decisions that are not on disk yet. */
#include "audit/internal.h"

bool
pz_audit_has_room(const struct pz_audit *audit, size_t len)
{
	return audit->queued < PZ_AUDIT_QUEUE_MAX &&
	       audit->queue.len + len <= PZ_AUDIT_QUEUE_BYTES_MAX;
}

/* Without room in the queue the record is lost and the chain unchanged. */
bool
pz_audit_enqueue(struct pz_audit *audit, const struct pz_audit_line *line,
		 const struct pz_audit_head *head)
{
	if (pz_buf_append(&audit->queue, pz_slice_of(line->text, line->len)) != PZ_OK)
		return false;
	audit->last = *head;
	audit->queued++;
	if (audit->flight == NULL && !audit->is_paused && !audit->is_behind) {
		bool is_full = audit->queued > PZ_AUDIT_QUEUE_MAX / 2;

		if (is_full || !audit->save.active)
			pz_env_start(audit->config.env, &audit->save,
				     is_full ? 0 : PZ_AUDIT_SAVE_US);
	}
	return true;
}

static bool
enqueue_event(struct pz_audit *audit, const char *event, const char *name, uint64_t number,
	      const uint8_t *hash)
{
	struct pz_audit_head head = audit->last;
	struct pz_audit_line line;

	return pz_audit_line_event(&line, &head, pz_env_wall_ms(audit->config.env), event, name,
				   number, hash) &&
	       pz_audit_enqueue(audit, &line, &head);
}

void
pz_audit_note(struct pz_audit *audit, const char *event, const char *name, uint64_t number,
	      const uint8_t *hash)
{
	if (!enqueue_event(audit, event, name, number, hash))
		audit->lost++;
}

void
pz_audit_note_gap(struct pz_audit *audit, bool is_sure)
{
	if (audit->lost > 0 && (is_sure || pz_audit_has_room(audit, PZ_AUDIT_RECORD_BYTES_MAX)) &&
	    enqueue_event(audit, "not-recorded", "count", audit->lost, NULL))
		audit->lost = 0;
}
