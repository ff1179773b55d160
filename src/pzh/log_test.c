/* A member cannot fill the hub's log, neither by what it sends nor by reconnecting again and again
 * (page 14 DOS-1, LOG-6). */
#include "pzh/fixture_devices.h"

#include "base/log.h"

static unsigned lines;

static void
count_line(void *arg, enum pz_log_level level, const char *id, const char *text)
{
	(void)arg;
	(void)level;
	(void)id;
	(void)text;
	lines++;
}

static json_t *
wrong_error(void)
{
	return json_pack("{s:s}", "code", "x");
}

static json_t *
wrong_list(void)
{
	return json_pack("{s:[i]}", "services", 1);
}

static json_t *
wrong_data(void)
{
	return json_pack("{s:i}", "want", 1);
}

static json_t *
changed_name(void)
{
	static int number;
	char value[32];

	snprintf(value, sizeof(value), "\"%d\"", ++number);
	return json_pack("{s:[{s:s, s:s, s:I, s:s, s:b}]}", "user-details", "key", "email", "value",
			 value, "mtime",
			 (json_int_t)pz_env_wall_ms(&w.world.clock.env) - 1000 + number, "origin",
			 LAPTOP, "deleted", 0);
}

static void
what_a_member_says_has_a_rate(void **state)
{
	static const struct {
		const char *status;
		json_t *(*make)(void);
	} table[] = {
		{"error", wrong_error},        {"registerServices", wrong_list},
		{"Update_Data", wrong_data},   {"Update_Change", json_object},
		{"Update_Data", changed_name},
	};

	(void)state;
	pz_log_set_sink(count_line, NULL);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		forget_told(&laptop); /* a second passes */
		run(PZ_US_PER_S);
		lines = 0;
		for (int n = 0; n < 100; n++) {
			say_prop(&laptop, LAPTOP, table[i].status, table[i].make());
			laptop.link->session.queued = 0; /* it reads what it receives */
			laptop.link->tx.len = 0;
		}
		assert_in_range(lines, 1, PZ_LOG_LINES_PER_S);
	}
	pz_log_set_sink(NULL, NULL);
}

static void
coming_again_has_the_same_rate(void **state)
{
	(void)state;
	pz_log_set_sink(count_line, NULL);
	lines = 0;
	for (int n = 0; n < 30; n++) {
		link_down(&laptop);
		link_up(&laptop);
	}
	assert_in_range(lines, 1, PZ_LOG_LINES_PER_S);
	pz_log_set_sink(NULL, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_devices, tear_down_devices)

static size_t
answers_to_questions(size_t unread)
{
	static const char *const statuses[] = {"probe",         "findServices", "policyEdit",
					       "friendCommand", "friendOffer",  "registerServices",
					       "nonsense"};

	forget_told(&tv);
	tv.link->session.queued += unread;
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		say_prop(&tv, TV, statuses[i],
			 json_pack("{s:i, s:s, s:i, s:i, s:i, s:s}", "id", 1, "command", "list",
				   "base", 9, "size", 100, "at", 0, "text", "<p"));
	json_t *list = told(&tv);
	size_t count = json_array_size(list);
	json_decref(list);
	return count;
}

/* Its queue would grow with each question. */
static void
a_member_that_does_not_read_gets_no_answers(void **state)
{
	(void)state;
	link_up(&tv);
	assert_int_equal(answers_to_questions(0), 7);
	assert_int_equal(answers_to_questions(PZ_QUEUE_HIGH_BYTES + 1), 0);
	link_down(&tv);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_member_that_does_not_read_gets_no_answers,
						set_up_devices, tear_down_devices),
		TEST(what_a_member_says_has_a_rate),
		TEST(coming_again_has_the_same_rate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
