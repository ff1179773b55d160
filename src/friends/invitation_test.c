#include "kit/test.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "friends/invitation.h"
#include "kit/clock.h"
#include "kit/zone.h"
#include "record/record.h"

static struct pz_kit_clock clock_ = PZ_KIT_CLOCK(clock_);
static struct pz_kit_zone alice;

static int
set_up(void **state)
{
	(void)state;
	assert_true(sodium_init() >= 0);
	pz_kit_clock_init(&clock_);
	pz_kit_zone_init(&alice, PZ_KIT_ZONE, &clock_.env);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	pz_kit_zone_fini(&alice);
	return 0;
}

static void
make(struct pz_invitation *out, char link[PZ_INVITATION_LINK_BYTES_MAX + 1])
{
	struct pz_buf text;

	assert_ok(pz_invitation_make(PZ_KIT_ZONE, alice.ca, PZ_KIT_HOST, 8040, &clock_.env, out));
	pz_buf_init(&text, PZ_INVITATION_LINK_BYTES_MAX, NULL);
	assert_ok(pz_invitation_link(out, &text));
	snprintf(link, PZ_INVITATION_LINK_BYTES_MAX + 1, "%.*s", PZ_SLICE_FMT(pz_buf_slice(&text)));
	pz_buf_wipe(&text);
}

static void
a_link_is_read_as_it_was_made(void **state)
{
	(void)state;
	struct pz_invitation made, read;
	char link[PZ_INVITATION_LINK_BYTES_MAX + 1], typed[PZ_INVITATION_LINK_BYTES_MAX + 8];
	struct pz_errinfo info = {""};

	make(&made, link);
	assert_true(strncmp(link, "pzh://hub.example.org:8040/alice@example.org?friend=", 52) == 0);
	snprintf(typed, sizeof(typed), " \n%s \t", link);
	assert_ok(pz_invitation_parse(typed, &read, &info));
	assert_string_equal(read.zone, PZ_KIT_ZONE);
	assert_string_equal(read.host, PZ_KIT_HOST);
	assert_int_equal(read.port, 8040);
	assert_memory_equal(read.secret, made.secret, sizeof(made.secret));
	assert_memory_equal(read.ca, made.ca, sizeof(made.ca));
	assert_string_equal(read.id, made.id);
	assert_null(strstr(link, made.id)); /* the id is not a part of the secret */
}

static void
what_is_no_invitation_is_refused(void **state)
{
	(void)state;
#define HEX32 "00112233445566778899aabbccddeeff"
#define SECRET "friend=" HEX32
#define CA "ca=" HEX32 HEX32
	static const char *const bad[] = {
		"",
		"pzp://hub.example.org:8040/alice@example.org?code=12345678",
		"pzh://hub.example.org:8040/alice@example.org",
		"pzh://hub.example.org:8040/alice@example.org?" SECRET,
		"pzh://hub.example.org:8040/alice@example.org?" CA,
		"pzh://hub.example.org:8040/alice@example.org?" SECRET "0&" CA,
		"pzh://hub.example.org:8040/alice@example.org?" SECRET "&" CA "&" SECRET,
		"pzh://hub.example.org:8040/alice@example.org?" SECRET "&" CA "&" CA,
		"pzh://hub.example.org:8040/alice@example.org?friend=xx" HEX32 "&" CA,
		"pzh://hub.example.org/alice@example.org?" SECRET "&" CA,
		"pzh://hub.example.org:0/alice@example.org?" SECRET "&" CA,
		"pzh://hub.example.org:8040/alice?" SECRET "&" CA,
		"pzh://hub.example.org:8040?" SECRET "&" CA,
		"pzh://:8040/alice@example.org?" SECRET "&" CA,
	};
	struct pz_invitation read;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct pz_errinfo info = {""};
		if (pz_invitation_parse(bad[i], &read, &info) != PZ_ERR_CONFIG ||
		    info.text[0] == '\0')
			fail_msg("'%s' was read", bad[i]);
		assert_true(sodium_is_zero((const uint8_t *)&read, sizeof(read)));
	}
	assert_ok(pz_invitation_parse("PZH://[::1]:1/A@b.example?x=y&" CA "&" SECRET "#z", &read,
				      NULL));
	assert_string_equal(read.zone, "a@b.example");
}

static void
a_long_link_is_not_looked_at(void **state)
{
	(void)state;
	struct pz_invitation made, read;
	char link[PZ_INVITATION_LINK_BYTES_MAX + 1], longer[PZ_INVITATION_LINK_BYTES_MAX + 2];

	make(&made, link);
	memset(longer, '&', sizeof(longer));
	memcpy(longer, link, strlen(link));
	longer[PZ_INVITATION_LINK_BYTES_MAX + 1] = '\0';
	assert_int_equal(pz_invitation_parse(longer, &read, NULL), PZ_ERR_CONFIG);
	longer[PZ_INVITATION_LINK_BYTES_MAX] = '\0';
	assert_ok(pz_invitation_parse(longer, &read, NULL));
}

static void
no_link_is_made_without_an_address(void **state)
{
	(void)state;
	struct pz_invitation made;

	assert_int_equal(
		pz_invitation_make(PZ_KIT_ZONE, alice.ca, PZ_KIT_HOST, 0, &clock_.env, &made),
		PZ_ERR_CONFIG);
	assert_int_equal(pz_invitation_make(PZ_KIT_ZONE, alice.ca, "", 1, &clock_.env, &made),
			 PZ_ERR_CONFIG);
}

static void
it_counts_for_a_day(void **state)
{
	(void)state;
	struct pz_invitation made;
	char link[PZ_INVITATION_LINK_BYTES_MAX + 1];
	struct pz_invitations all = {.len = 0};

	make(&made, link);
	assert_ok(pz_invitations_add(&all, &made));
	clock_.wall_ms += PZ_INVITATION_MS - 1;
	assert_true(pz_invitation_is_live(&made, &clock_.env));
	assert_true(pz_invitations_are_live(&all, &clock_.env));
	assert_null(pz_invitations_expired(&all, &clock_.env));
	clock_.wall_ms++;
	assert_false(pz_invitation_is_live(&made, &clock_.env));
	assert_false(pz_invitations_are_live(&all, &clock_.env));
	assert_non_null(pz_invitations_expired(&all, &clock_.env));
}

static void
the_store_keeps_all_of_it(void **state)
{
	(void)state;
	struct pz_invitation made, read;
	char link[PZ_INVITATION_LINK_BYTES_MAX + 1];

	make(&made, link);
	snprintf(made.guest, sizeof(made.guest), "bob@example.net");
	snprintf(made.by, sizeof(made.by), "laptop");
	char *text = pz_invitation_text(&made);
	assert_ok(pz_invitation_read(pz_slice_str(text), PZ_KIT_ZONE, alice.ca, &read));
	assert_memory_equal(&read, &made, sizeof(made));
	pz_record_text_wipe(text);
	assert_int_equal(pz_invitation_read(pz_slice_str("{}"), PZ_KIT_ZONE, alice.ca, &read),
			 PZ_ERR_PROTO_MEMBER);
	assert_int_equal(pz_invitation_read(pz_slice_str("1"), PZ_KIT_ZONE, alice.ca, &read),
			 PZ_ERR_PROTO_JSON);
}

static void
a_zone_has_a_bounded_number(void **state)
{
	(void)state;
	static struct pz_invitations all;
	struct pz_invitation one;
	char link[PZ_INVITATION_LINK_BYTES_MAX + 1], first[PZ_INVITATION_ID_CHARS + 1];

	for (size_t i = 0; i < PZ_INVITATIONS_MAX; i++) {
		make(&one, link);
		assert_ok(pz_invitations_add(&all, &one));
		if (i == 0)
			memcpy(first, one.id, sizeof(first));
	}
	assert_int_equal(pz_invitations_add(&all, &one), PZ_ERR_LIMIT);
	pz_invitations_remove(&all, "0123456789abcdef");
	assert_int_equal(all.len, PZ_INVITATIONS_MAX);
	pz_invitations_remove(&all, first);
	assert_null(pz_invitations_find(&all, first));
	assert_non_null(pz_invitations_find(&all, one.id));
	assert_ok(pz_invitations_add(&all, &one));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_link_is_read_as_it_was_made),
		cmocka_unit_test(what_is_no_invitation_is_refused),
		cmocka_unit_test(a_long_link_is_not_looked_at),
		cmocka_unit_test(no_link_is_made_without_an_address),
		cmocka_unit_test(it_counts_for_a_day),
		cmocka_unit_test(the_store_keeps_all_of_it),
		cmocka_unit_test(a_zone_has_a_bounded_number),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
