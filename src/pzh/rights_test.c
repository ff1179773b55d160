/*
 * What a device may administer at its hub: the whole matrix, decided by the member's record alone.
 * @spec page 14 AC-10
 */
#include "pzh/fixture_devices.h"

#include "zone/policy.h"

#define OPEN "<policy><rule effect=\"permit\"/></policy>"

static int next_id = 1;

static void
set_right(const char *device, const char *right, bool has)
{
	assert_ok(ask("rights",
		      json_pack("{s:s, s:s, s:b}", "device", device, "right", right, "has", has))
			  ->err);
}

static void
give(const char *device, unsigned set)
{
	set_right(device, "answer", set & PZ_RIGHT_ANSWER);
	set_right(device, "policy", set & PZ_RIGHT_POLICY);
	set_right(device, "admin", set & PZ_RIGHT_ADMIN);
}

/* The member `code` of the newest answer of this status; "" where it was no refusal, NULL: none. */
static const char *
code_told(const struct device *d, const char *status, char out[32])
{
	json_t *all = told(d), *one;
	bool found = false;
	size_t i;

	json_array_foreach (all, i, one) {
		const json_t *payload = json_object_get(one, "payload");
		const char *code = pz_json_str(json_object_get(payload, "message"), "code");
		const char *is = pz_json_str(payload, "status");
		if (is && strcmp(is, status) == 0) {
			snprintf(out, 32, "%s", code ? code : "");
			found = true;
		}
	}
	json_decref(all);
	return found ? out : NULL;
}

static void
edit(const struct device *d)
{
	uint64_t base = pz_authority_policy_sequence(zone_of(ZONE)->authority);

	say_prop(d, d->address, "policyEdit",
		 json_pack("{s:i, s:I, s:I, s:i, s:s}", "id", next_id++, "base", (json_int_t)base,
			   "size", (json_int_t)strlen(OPEN), "at", 0, "text", OPEN));
}

static bool
has_text(const json_t *list, const char *what)
{
	char *text = json_dumps(list, JSON_COMPACT);
	bool has = text && strstr(text, what);

	free(text);
	return has;
}

static const char *
ask_hub(const struct device *d, const char *what, char out[32])
{
	forget_told(d);
	if (strcmp(what, "policy") == 0)
		edit(d);
	else
		say_prop(d, d->address, "friendCommand",
			 json_pack("{s:i, s:s}", "id", next_id++, "command", what));
	run(PZ_US_PER_S);
	return code_told(d, strcmp(what, "policy") == 0 ? "policyEdited" : "friendResult", out);
}

static void
each_right_allows_its_own_and_nothing_else(void **state)
{
	char code[32];

	(void)state;
	for (unsigned set = 0; set <= PZ_RIGHTS_ALL; set++) {
		give("laptop", set);
		assert_string_equal(ask_hub(&laptop, "policy", code),
				    set & PZ_RIGHT_POLICY ? "" : "refused");
		assert_string_equal(ask_hub(&laptop, "invite", code),
				    set & PZ_RIGHT_ADMIN ? "" : pz_err_name(PZ_ERR_DENIED));
		assert_string_equal(ask_hub(&laptop, "list", code), ""); /* everyone may look */
		/* What one device lost the others still have. */
		assert_string_equal(ask_hub(&phone, "policy", code), "");
		assert_string_equal(ask_hub(&phone, "invite", code), "");
	}
}

static void
what_a_message_says_gives_no_right(void **state)
{
	char code[32];

	(void)state;
	give("laptop", 0);
	forget_told(&laptop);
	say_prop(&laptop, PHONE, "friendCommand",
		 json_pack("{s:i, s:s}", "id", 1, "command", "invite"));
	say_prop(&laptop, LAPTOP, "friendCommand",
		 json_pack("{s:i, s:s, s:s, s:s}", "id", 2, "command", "remove", "device", "phone",
			   "rights", "admin"));
	run(PZ_US_PER_S);
	assert_string_equal(code_told(&laptop, "friendResult", code), pz_err_name(PZ_ERR_DENIED));
	assert_null(code_told(&phone, "friendResult", code));
	/* rights are an item of the hub alone */
	say_prop(&laptop, LAPTOP, "Update_Data",
		 json_pack("{s:[{s:s, s:s, s:I, s:s, s:b}]}", "rights", "key", "laptop", "value",
			   "answer policy admin", "mtime", (json_int_t)w.world.clock.wall_ms,
			   "origin", ZONE, "deleted", 0));
	run(PZ_US_PER_S);
	assert_int_equal(pz_member_rights(member_of(&laptop)), 0);
	assert_string_equal(ask_hub(&laptop, "invite", code), pz_err_name(PZ_ERR_DENIED));
}

/* The document is complete, and waits for its turn behind the change of rights. */
static void
a_right_that_is_taken_meanwhile_counts(void **state)
{
	struct pz_kit_answer taken;
	char code[32];

	(void)state;
	begin(&taken, "rights",
	      json_pack("{s:s, s:s, s:b}", "device", "laptop", "right", "policy", "has", 0));
	forget_told(&laptop);
	edit(&laptop);
	run(PZ_US_PER_S);
	assert_ok(taken.err);
	json_decref(taken.result);
	assert_string_equal(code_told(&laptop, "policyEdited", code), "refused");
	assert_int_equal(pz_authority_policy_sequence(zone_of(ZONE)->authority), 0);
}

/* The hub's own command line needs no right, so the owner is never locked out. */
static void
the_hub_gives_back_what_all_devices_have_lost(void **state)
{
	char code[32];

	(void)state;
	give("laptop", 0);
	give("phone", 0);
	assert_ok(ask("policy-set", json_pack("{s:s}", "document", OPEN))->err);
	give("laptop", PZ_RIGHT_POLICY);
	assert_string_equal(ask_hub(&laptop, "policy", code), "");
}

static void
rights_outlive_a_restart_and_stay_with_the_name(void **state)
{
	(void)state;
	give("laptop", PZ_RIGHT_ANSWER);
	restart_without_links();
	assert_int_equal(pz_member_rights(member_of(&laptop)), PZ_RIGHT_ANSWER);
	assert_int_equal(pz_member_rights(member_of(&phone)), PZ_RIGHTS_ALL);
	assert_ok(ask("revoke", json_pack("{s:s}", "device", "laptop"))->err);
	assert_int_equal(ask("rights", json_pack("{s:s}", "device", "laptop"))->err,
			 PZ_ERR_NOTFOUND);
	add_member(ZONE, "laptop", true);
	assert_int_equal(pz_member_rights(pz_authority_member(zone_of(ZONE)->authority, "laptop")),
			 PZ_RIGHT_ANSWER);
}

static void
the_command_refuses_what_there_is_not(void **state)
{
	(void)state;
	assert_int_equal(ask("rights", json_pack("{s:s, s:s, s:b}", "device", "laptop", "right",
						 "fly", "has", 1))
				 ->err,
			 PZ_ERR_CONFIG);
	assert_int_equal(ask("rights", json_pack("{s:s, s:s, s:b}", "device", "boat", "right",
						 "policy", "has", 1))
				 ->err,
			 PZ_ERR_NOTFOUND);
	const struct pz_kit_answer *shown = ask("rights", json_pack("{s:s}", "device", "laptop"));
	assert_ok(shown->err);
	assert_int_equal(json_array_size(json_object_get(shown->result, "rights")), 3);
}

/* Page 14 CERT-7: a device with all rights that floods. The owner at the hub is not counted. */
static void
a_device_changes_so_much_in_a_minute(void **state)
{
	struct pz_conditions *conditions = w.hub->hosting.conditions;
	char code[32];

	(void)state;
	w.hub->config.signatures_per_minute = PZ_SIGNATURES_PER_MINUTE;
	for (unsigned i = 0; i < PZ_AUTHORITY_CHANGES_PER_MINUTE + 40; i++) {
		edit(&laptop);
		run(100 * PZ_US_PER_MS); /* for the disk; 16 s in all, which add 32 */
	}
	assert_in_range(pz_authority_policy_sequence(zone_of(ZONE)->authority),
			PZ_AUTHORITY_CHANGES_PER_MINUTE, PZ_AUTHORITY_CHANGES_PER_MINUTE + 33);
	assert_string_equal(code_told(&laptop, "policyEdited", code), "refused");
	assert_true(pz_condition_is_raised(conditions, PZ_CONDITION_AUTHORITY_BUSY, ZONE));
	/* More than time has added. */
	forget_told(&phone);
	for (unsigned i = 0; i < 12; i++)
		say_prop(&phone, phone.address, "friendCommand",
			 json_pack("{s:i, s:s}", "id", next_id++, "command", "invite"));
	run(PZ_US_PER_S);
	json_t *all = told(&phone);
	assert_true(has_text(all, "does no more of this for devices"));
	json_decref(all);
	assert_string_equal(ask_hub(&phone, "list", code), "");
	assert_ok(ask("policy-set", json_pack("{s:s}", "document", OPEN))->err);
	run(61 * PZ_US_PER_S);
	assert_string_equal(ask_hub(&laptop, "policy", code), "");
	run(2 * PZ_ENROL_FAILED_SHOWN_US);
	assert_false(pz_condition_is_raised(conditions, PZ_CONDITION_AUTHORITY_BUSY, ZONE));
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up_rights, tear_down_devices)

static int
set_up_rights(void **state)
{
	set_up_devices(state);
	link_up(&laptop);
	link_up(&phone);
	return 0;
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		T(each_right_allows_its_own_and_nothing_else),
		T(what_a_message_says_gives_no_right),
		T(a_right_that_is_taken_meanwhile_counts),
		T(the_hub_gives_back_what_all_devices_have_lost),
		T(rights_outlive_a_restart_and_stay_with_the_name),
		T(the_command_refuses_what_there_is_not),
		T(a_device_changes_so_much_in_a_minute),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
