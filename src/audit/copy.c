/*
 * A copy of the log is checked like the log itself, except for its two ends. The store knows where
 * the log begins and ends; a copy does not, and its owner may have cut it.
 *
 * The beginning: record 1 follows 32 zeros. A later one follows a record that retention has
 * removed; its hash is in the record of that removal, which comes later in the same chain. So the
 * first line is kept until the last one was read. Cutting off the beginning requires forging that
 * record, and every hash after it.
 *
 * The end: a copy cannot show whether the log continued. Number and hash of the last record are
 * shown, to be compared with what the device shows, or with a later copy.
 */
#include <inttypes.h>
#include <string.h>

#include "audit/internal.h"

/* A first record whose predecessor was removed is accepted until the end, when that removal is
 * known. */
static void
begin_later(struct pz_audit_copy *copy, struct pz_slice line, const struct pz_audit_head *head)
{
	copy->first_len = line.len;
	memcpy(copy->first, line.ptr, line.len);
	copy->check.first = copy->check.last = head->n;
	copy->check.records = 1;
	memcpy(copy->check.hash, head->hash, sizeof(head->hash));
	pz_audit_check_event(&copy->check, line);
}

void
pz_audit_copy_line(struct pz_audit_copy *copy, struct pz_slice line)
{
	struct pz_audit_head head;

	if (copy->check.records == 0 && line.len <= sizeof(copy->first) &&
	    pz_audit_line_head(line, &head) && head.n > 1)
		begin_later(copy, line, &head);
	else
		pz_audit_check_line(&copy->check, line);
}

void
pz_audit_copy_end(struct pz_audit_copy *copy)
{
	struct pz_audit_check *check = &copy->check;

	check->is_ended = true;
	if (check->problem[0] || copy->first_len == 0)
		return;
	if (check->anchor + 1 != check->first)
		pz_audit_check_found(check,
				     "the copy begins with record %" PRIu64
				     ", and none in it says that those before it were removed",
				     check->first);
	else if (!pz_audit_line_holds(pz_slice_of(copy->first, copy->first_len),
				      check->anchor_hash))
		pz_audit_check_found(check, "record %" PRIu64 " was altered", check->first);
}
