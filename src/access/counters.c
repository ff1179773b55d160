/*
 * Limits in calls. A rule compares an environment attribute calls:NAME; its value is the number of
 * calls that this device has permitted by rules that compare it. A call adds one when it begins;
 * while it runs it is judged as the last permitted call. @spec page 9, 4.4
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "access/internal.h"

static void
learn_one(void *arg, struct pz_slice name)
{
	struct pz_access *access = arg;

	/* No request has a longer name: a rule that compares it is undetermined, and denies. */
	if (name.len > PZ_POLICY_COUNTER_BYTES_MAX)
		return;
	for (size_t i = 0; i < access->counter_count; i++)
		if (pz_slice_eq_str(name, access->counters[i]))
			return;
	if (access->counter_count < PZ_POLICY_COUNTERS_MAX)
		snprintf(access->counters[access->counter_count++], sizeof(access->counters[0]),
			 "%.*s", PZ_SLICE_FMT(name));
}

void
pz_access_learn_counters(struct pz_access *access, const struct pz_policy_slots *slots)
{
	access->counter_count = 0;
	for (size_t i = 0; i < PZ_POLICY_SLOTS; i++)
		if (slots->document[i])
			pz_policy_document_each_counter(slots->document[i], learn_one, access);
}

enum pz_err
pz_access_put_counters(struct pz_access *access, struct pz_access_kept *kept)
{
	/* A call that was counted must not be judged as one call too many. */
	bool is_in = kept->is_counted || kept->point == PZ_ACCESS_LISTEN;
	bool is_shown = kept->point == PZ_ACCESS_SHOW || kept->point == PZ_ACCESS_ENTER;

	if (access->ops->calls == NULL && !is_shown)
		return PZ_OK;
	for (size_t i = 0; i < access->counter_count; i++) {
		struct pz_slice name = pz_slice_str(access->counters[i]);
		/* A hub counts nothing: what a limit can permit is shown, and passes. */
		uint64_t calls = access->ops->calls ? access->ops->calls(access->arg, name) : 0;
		char text[24];

		snprintf(text, sizeof(text), "%" PRIu64, is_in && calls > 0 ? calls - 1 : calls);
		PZ_TRY(pz_policy_request_renew(kept->request, name, pz_slice_str(text)));
	}
	return PZ_OK;
}

struct found {
	struct pz_slice *out;
	size_t count;
};

static void
add_found(void *arg, const struct pz_policy_attribute *attr)
{
	struct found *f = arg;

	if (!pz_policy_attribute_is_counter(attr))
		return;
	for (size_t i = 0; i < f->count; i++)
		if (pz_slice_eq(f->out[i], attr->name))
			return;
	if (f->count < PZ_POLICY_COUNTERS_MAX)
		f->out[f->count++] = attr->name;
}

size_t
pz_access_counters_of(const struct pz_access_kept *kept,
		      struct pz_slice out[PZ_POLICY_COUNTERS_MAX])
{
	struct found f = {.out = out};

	if (kept->point != PZ_ACCESS_INVOKE && kept->point != PZ_ACCESS_FIND)
		return 0;
	for (size_t i = 0; i < PZ_POLICY_SLOTS; i++) {
		const struct pz_policy_result *one = &kept->decision.slots[i];

		/* A rule that denies permits nothing, so it counts nothing. */
		if (one->node && one->effect != PZ_POLICY_DENY)
			pz_policy_node_attributes(one->node, add_found, &f);
	}
	return f.count;
}
