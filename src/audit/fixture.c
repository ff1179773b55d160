#include "audit/fixture.h"

struct fixture f;

void
open_audit(void)
{
	const struct pz_audit_config config = {
		.env = &f.world.clock.env, .store = f.world.store, .conditions = f.conditions};

	assert_ok(pz_audit_new(&config, &f.audit, NULL));
}

int
set_up(void **state)
{
	(void)state;
	assert_true(sodium_init() >= 0);
	memset(&f, 0, sizeof(f));
	pz_kit_world_init(&f.world, COMMIT_US);
	assert_non_null(f.conditions = pz_conditions_new(&f.world.clock.env));
	open_audit();
	return 0;
}

int
tear_down(void **state)
{
	(void)state;
	pz_audit_free(f.audit);
	pz_conditions_free(f.conditions);
	pz_kit_world_fini(&f.world);
	return 0;
}

void
crash(void)
{
	f.audit->is_paused = true;
	pz_audit_free(f.audit);
	pz_kit_world_restart(&f.world);
	open_audit();
}

void
settle(void)
{
	pz_kit_clock_run(&f.world.clock, 2 * PZ_AUDIT_SAVE_US);
}

void
record(const char *device, bool is_allowed)
{
	const struct pz_audit_entry entry = {
		.is_allowed = is_allowed,
		.user_id = pz_slice_str("alice@example.org"),
		.device = pz_slice_str(device),
		.point = "call",
		.feature = "http://example.org/api/test",
		.method = "get42",
	};

	pz_audit_record(f.audit, &entry);
}

void
record_many(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		record("tv", true);
		if (i % 500 == 499)
			settle();
	}
	settle();
}

json_t *
read_all(const struct pz_audit_query *wanted)
{
	struct pz_audit_query query = wanted ? *wanted : (struct pz_audit_query){0};
	json_t *all = json_array();

	for (;;) {
		json_t *part = NULL, *next;

		assert_ok(pz_audit_read(f.audit, &query, &part, NULL));
		json_array_extend(all, json_object_get(part, "records"));
		next = json_object_get(part, "next");
		query.after = (uint64_t)json_integer_value(next);
		json_decref(part);
		if (query.after == 0)
			return all;
	}
}

size_t
count_all(const struct pz_audit_query *wanted)
{
	json_t *all = read_all(wanted);
	size_t count = json_array_size(all);

	json_decref(all);
	return count;
}

const char *
verify(void)
{
	memset(&f.check, 0, sizeof(f.check));
	for (int i = 0; i < 1000 && !f.check.is_ended; i++)
		assert_ok(pz_audit_check_step(f.audit, &f.check, NULL));
	assert_true(f.check.is_ended);
	return f.check.problem;
}
