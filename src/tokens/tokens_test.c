/* What a token proves, and what is stored of it. */
#include "kit/test.h"
#include "kit/world.h"

#include "tokens/tokens.h"

static struct {
	struct pz_kit_world world;
	struct pz_tokens *tokens;
	char token[PZ_TOKENS_CHARS + 1];
	enum pz_err end;
	int ends;
} t;

static void
on_made(void *arg, enum pz_err err, const char *detail)
{
	(void)arg;
	(void)detail;
	t.end = err;
	t.ends++;
}

static int
setup(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	pz_kit_world_init(&t.world, 10 * PZ_US_PER_MS);
	assert_ok(pz_tokens_new(&t.world.clock.env, t.world.store, &t.tokens, NULL));
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	pz_tokens_free(t.tokens);
	pz_kit_world_fini(&t.world);
	return 0;
}

static enum pz_err
begin(const char *name)
{
	return pz_tokens_make(t.tokens, name, t.token, on_made, NULL, NULL);
}

static void
make(const char *name)
{
	assert_ok(begin(name));
	pz_kit_clock_run(&t.world.clock, 11 * PZ_US_PER_MS);
	assert_ok(t.end);
}

static void
restart(void)
{
	pz_tokens_free(t.tokens);
	pz_kit_world_restart(&t.world);
	assert_ok(pz_tokens_new(&t.world.clock.env, t.world.store, &t.tokens, NULL));
}

static const char *
look(const char *token)
{
	return pz_tokens_look(t.tokens, pz_slice_str(token));
}

static void
a_token_counts_once_it_is_on_the_disk(void **state)
{
	(void)state;
	assert_ok(begin("backup"));
	assert_null(look(t.token));
	pz_kit_clock_run(&t.world.clock, 11 * PZ_US_PER_MS);
	assert_int_equal(t.ends, 1);
	assert_string_equal(look(t.token), "program:backup");
	restart();
	assert_string_equal(look(t.token), "program:backup");
	assert_int_not_equal(pz_tokens_made_ms(t.tokens, "program:backup"), 0);
}

static void
a_disk_that_fails_leaves_no_token(void **state)
{
	(void)state;
	pz_memory_disk_fail_next(t.world.disk, 1);
	assert_ok(begin("backup"));
	pz_kit_clock_run(&t.world.clock, 11 * PZ_US_PER_MS);
	assert_int_equal(t.end, PZ_ERR_IO_FULL);
	assert_null(look(t.token));
	make("backup"); /* the name is free */
}

static void
only_the_whole_token_is_right(void **state)
{
	char other[PZ_TOKENS_CHARS + 2];

	(void)state;
	make("a");
	assert_null(look(""));
	assert_null(look("pzt_"));
	snprintf(other, sizeof(other), "%sx", t.token);
	assert_null(look(other));
	for (size_t i = 0; i < PZ_TOKENS_CHARS; i++) {
		memcpy(other, t.token, PZ_TOKENS_CHARS + 1);
		other[i] ^= 1;
		assert_null(look(other));
		other[i] = '\0';
		assert_null(look(other));
	}
	assert_non_null(look(t.token));
}

static void
the_disk_has_no_token(void **state)
{
	(void)state;
	make("a");
	assert_int_equal(pz_kit_world_count(&t.world, "app-tokens"), 1);
	assert_true(pz_tokens_revoke(t.tokens, "program:a"));
	assert_null(look(t.token));
	assert_false(pz_tokens_revoke(t.tokens, "program:a"));
	pz_kit_clock_run(&t.world.clock, 11 * PZ_US_PER_MS);
	assert_int_equal(pz_kit_world_count(&t.world, "app-tokens"), 0);
	restart();
	assert_null(look(t.token));
}

static void
a_token_that_is_revoked_while_it_is_stored_never_counts(void **state)
{
	(void)state;
	assert_ok(begin("a"));
	assert_true(pz_tokens_revoke(t.tokens, "program:a"));
	pz_kit_clock_run(&t.world.clock, 21 * PZ_US_PER_MS);
	assert_int_equal(t.ends, 1);
	assert_int_equal(t.end, PZ_ERR_NOTFOUND);
	assert_null(look(t.token));
	restart();
	assert_null(look(t.token));
}

static void
names_are_plain_and_have_one_token(void **state)
{
	static const char *const bad[] = {"", "A", "-a", ".a", "a b", "a/b", "é", "a\n", "a:b"};
	char name[PZ_TOKEN_NAME_BYTES_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(begin(bad[i]), PZ_ERR_CONFIG);
	assert_int_equal(begin(NULL), PZ_ERR_CONFIG);
	memset(name, 'a', sizeof(name));
	name[PZ_TOKEN_NAME_BYTES_MAX + 1] = '\0';
	assert_int_equal(begin(name), PZ_ERR_CONFIG);
	name[PZ_TOKEN_NAME_BYTES_MAX] = '\0';
	make(name);
	assert_int_equal(begin(name), PZ_ERR_EXISTS);
}

static void
there_are_so_many_at_most(void **state)
{
	char name[16];

	(void)state;
	for (int i = 0; i < PZ_TOKENS_MAX; i++) {
		snprintf(name, sizeof(name), "p%d", i);
		make(name);
	}
	assert_int_equal(begin("more"), PZ_ERR_LIMIT);
	json_t *list = pz_tokens_list(t.tokens);
	assert_int_equal(json_array_size(list), PZ_TOKENS_MAX);
	json_decref(list);
}

static void
wrong_ones_are_limited_right_ones_are_not(void **state)
{
	(void)state;
	make("a");
	for (int i = 0; i < PZ_TOKENS_WRONG_MAX; i++)
		assert_true(pz_tokens_note_wrong(t.tokens));
	assert_false(pz_tokens_note_wrong(t.tokens));
	assert_non_null(look(t.token));
	pz_kit_clock_run(&t.world.clock, PZ_TOKENS_WRONG_US);
	assert_true(pz_tokens_note_wrong(t.tokens));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_token_counts_once_it_is_on_the_disk, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_disk_that_fails_leaves_no_token, setup, teardown),
		cmocka_unit_test_setup_teardown(only_the_whole_token_is_right, setup, teardown),
		cmocka_unit_test_setup_teardown(the_disk_has_no_token, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_token_that_is_revoked_while_it_is_stored_never_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(names_are_plain_and_have_one_token, setup,
						teardown),
		cmocka_unit_test_setup_teardown(there_are_so_many_at_most, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_ones_are_limited_right_ones_are_not, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
