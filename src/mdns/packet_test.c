/* Datagrams that strangers send: which of them the library may read. */
#include "kit/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "mdns/packet.h"
#include "mdns/service.h"

/* A datagram, put together piece by piece. */
static struct {
	uint8_t bytes[PZ_MDNS_PACKET_BYTES_MAX + 1];
	size_t len;
} p;

static void
put(const void *bytes, size_t len)
{
	assert_true(len <= sizeof(p.bytes) - p.len);
	memcpy(p.bytes + p.len, bytes, len);
	p.len += len;
}

#define PUT(literal) put(literal, sizeof(literal) - 1)

static void
put_number(size_t number)
{
	uint8_t bytes[2] = {(uint8_t)(number >> 8), (uint8_t)number};

	put(bytes, sizeof(bytes));
}

static void
begin(size_t questions, size_t answers, size_t additional)
{
	p.len = 0;
	PUT("\0\0\204\0");
	put_number(questions);
	put_number(answers);
	put_number(0);
	put_number(additional);
}

#define SERVICE "\4_pzp\4_tcp\5local\0"
#define AT_BEGIN "\300\14" /* a pointer to the first name */

/** What follows the name of a record. */
static void
put_data(size_t type, const void *data, size_t len)
{
	put_number(type);
	PUT("\0\1\0\0\0\12");
	put_number(len);
	put(data, len);
}

#define DATA(type, literal) put_data(type, literal, sizeof(literal) - 1)

/** The verdict, on a copy of its own, so that a sanitizer sees what is read beyond it. */
static enum pz_mdns_packet
verdict_of(size_t len)
{
	uint8_t *copy = malloc(len + 1);

	assert_non_null(copy);
	memcpy(copy, p.bytes, len);
	enum pz_mdns_packet is = pz_mdns_packet_check(pz_slice_of(copy, len));
	free(copy);
	return is;
}

#define assert_good() assert_int_equal(verdict_of(p.len), PZ_MDNS_PACKET_GOOD)
#define assert_malformed() assert_int_equal(verdict_of(p.len), PZ_MDNS_PACKET_MALFORMED)
#define assert_alias() assert_int_equal(verdict_of(p.len), PZ_MDNS_PACKET_ALIAS)

/** One of each type that the library reads, with pointers, and one unknown type. */
static void
put_ordinary(void)
{
	begin(1, 6, 1);
	PUT(SERVICE "\0\14\0\1");
	PUT(AT_BEGIN);
	DATA(12, "\3abc" AT_BEGIN);
	PUT("\3abc" AT_BEGIN);
	DATA(33, "\0\0\0\0\37\150\4host\300\26"); /* .local */
	PUT("\3abc" AT_BEGIN);
	DATA(16, "\3v=1\0\2t=");
	PUT("\4host\5local\0");
	DATA(1, "\12\11\0\1");
	PUT("\4host\300\26");
	DATA(28, "\376\200\0\0\0\0\0\0\0\0\0\0\0\0\0\1");
	PUT("\4host\300\26");
	DATA(13, "\3cpu\2os");
	PUT("\0"); /* the root: EDNS */
	DATA(41, "\0\4\0\10whatever");
}

static void
what_others_announce_passes(void **state)
{
	(void)state;
	put_ordinary();
	assert_good();
	begin(0, 0, 0);
	assert_good();
	begin(0, 1, 0); /* a TXT record without a string, which some send */
	PUT(SERVICE);
	DATA(16, "");
	assert_good();
	begin(1, 0, 0); /* a question about aliases is ignored */
	PUT(SERVICE "\0\5\0\1");
	assert_good();
}

static void
bytes_behind_the_last_record_pass(void **state)
{
	(void)state;
	put_ordinary();
	PUT("\300\377\77");
	assert_good();
}

static void
a_datagram_that_ends_early_is_malformed(void **state)
{
	(void)state;
	put_ordinary();
	for (size_t len = 0; len < p.len; len++)
		assert_int_equal(verdict_of(len), PZ_MDNS_PACKET_MALFORMED);
}

static void
counts_that_promise_too_much_are_malformed(void **state)
{
	static const size_t counts[][3] = {{2, 6, 1}, {1, 7, 1}, {1, 6, 2}, {1, 65535, 65535}};

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		put_ordinary();
		size_t len = p.len;
		begin(counts[i][0], counts[i][1], counts[i][2]);
		p.len = len;
		assert_malformed();
	}
}

static void
an_alias_anywhere_is_seen(void **state)
{
	static const size_t types[] = {5, 39};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		begin(0, 1, 0); /* of a name to itself */
		PUT(SERVICE);
		DATA(types[i], AT_BEGIN);
		assert_alias();

		put_ordinary(); /* the last one, in the additional records */
		size_t len = p.len;
		begin(1, 6, 2);
		p.len = len;
		PUT("\1z\300\26");
		DATA(types[i], "\1q\300\26");
		assert_alias();

		begin(0, 2, 0); /* one of nothing that we ask for, and something else */
		PUT("\5other\5local\0");
		DATA(types[i], "");
		PUT(AT_BEGIN);
		DATA(1, "\12\11\0\1");
		assert_alias();
	}
	p.len--; /* malformed behind it: either verdict drops it */
	assert_malformed();
}

/** One question with this name, and one record behind it. */
static void
put_name(const void *name, size_t len)
{
	begin(1, 1, 0);
	put(name, len);
	PUT("\0\14\0\1");
	PUT("\5local\0");
	DATA(1, "\12\11\0\1");
}

#define NAME(literal) put_name(literal, sizeof(literal) - 1)

static void
pointers_lead_back_only(void **state)
{
	(void)state;
	NAME("\300\14"); /* to itself */
	assert_malformed();
	NAME("\1a\300\14"); /* to its own begin */
	assert_malformed();
	NAME("\300\16"); /* behind itself */
	assert_malformed();
	NAME("\377\377"); /* behind everything */
	assert_malformed();
	NAME("\300\0"); /* into the header */
	assert_malformed();
	NAME("\300"); /* half of one */
	p.len = 13;
	assert_malformed();

	begin(2, 0, 0); /* two that lead to each other */
	PUT("\1a\300\22\0\14\0\1");
	PUT("\1b\300\14\0\14\0\1");
	assert_malformed();
	begin(2, 0, 0); /* a name that runs on into the pointer which led to it */
	PUT("\1a\0\0\14\0\1");
	PUT("\1b\300\23\0\14\0\1");
	assert_malformed();
	begin(3, 0, 0); /* two steps back */
	PUT("\1a\0\0\14\0\1");
	PUT("\1b\300\14\0\14\0\1");
	PUT("\1c\300\23\0\14\0\1");
	assert_good();
}

static void
labels_and_names_have_their_sizes(void **state)
{
	uint8_t name[300];
	size_t len = 0;

	(void)state;
	NAME("\100label of a type that was given up");
	assert_malformed();
	NAME("\200label of a type that does not exist");
	assert_malformed();
	/* Three labels of 63, one of 61: 255 bytes on the wire with the root. */
	for (int i = 0; i < 4; i++) {
		size_t label = i < 3 ? 63 : 61;
		name[len] = (uint8_t)label;
		memset(name + len + 1, 'x', label);
		len += label + 1;
	}
	name[len] = 0;
	put_name(name, len + 1);
	assert_good();
	name[3 * 64] = 62;
	name[len++] = 'x';
	name[len] = 0;
	put_name(name, len + 1);
	assert_malformed();
}

static void
data_has_the_form_of_its_type(void **state)
{
	static const struct {
		size_t type;
		const char *data;
		size_t len;
	} bad[] = {
		{1, "abc", 3}, /* A */
		{1, "abcde", 5},
		{28, "abcd", 4},         /* AAAA */
		{12, "", 0},             /* PTR */
		{12, "\3abc", 4},        /* a name without an end */
		{12, "\3abc\0x", 6},     /* something behind the name */
		{12, "\300", 1},         /* half of a pointer */
		{12, "\300\50", 2},      /* to itself */
		{2, "\3abc", 4},         /* NS */
		{33, "\0\0\0\0\0", 5},   /* SRV */
		{33, "\0\0\0\0\0\1", 6}, /* without a name */
		{33, "\0\0\0\0\0\1\1a", 8},
		{16, "\5abc", 4}, /* TXT */
		{16, "\3abc\1", 5},
		{13, "\377", 1}, /* HINFO */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		begin(0, 1, 0);
		PUT(SERVICE);
		put_data(bad[i].type, bad[i].data, bad[i].len);
		assert_malformed();
		begin(0, 1, 0); /* the same as nothing in particular */
		PUT(SERVICE);
		put_data(99, bad[i].data, bad[i].len);
		assert_good();
	}
}

static void
the_size_has_an_end(void **state)
{
	(void)state;
	put_ordinary();
	memset(p.bytes + p.len, 0, sizeof(p.bytes) - p.len);
	assert_int_equal(verdict_of(PZ_MDNS_PACKET_BYTES_MAX), PZ_MDNS_PACKET_GOOD);
	assert_int_equal(verdict_of(PZ_MDNS_PACKET_BYTES_MAX + 1), PZ_MDNS_PACKET_MALFORMED);
}

/* ---- echoes ---- */

/** "abc" at host.local:8040 with an address, as the library sends it: with pointers. */
static void
put_announcement(bool is_probe)
{
	begin(is_probe, is_probe ? 0 : 2, is_probe ? 0 : 1);
	if (is_probe) {
		memcpy(p.bytes + 2, "\0\0", 2);
		p.bytes[9] = 3;
		PUT(SERVICE "\0\377\0\1");
		PUT("\3abc" AT_BEGIN);
	} else {
		PUT("\3abc" SERVICE);
	}
	DATA(33, "\0\0\0\0\37\150\4host\5local\0");
	PUT("\3abc\4_pzp\4_tcp\5local\0");
	DATA(16, "\3v=1\2t=");
	PUT("\4host\5local\0");
	DATA(1, "\12\11\0\1");
	assert_good();
}

static bool
is_echo(const struct pz_mdns_echoes *echoes)
{
	return pz_mdns_packet_is_echo(pz_slice_of(p.bytes, p.len), echoes);
}

/** @param marks SRV, TXT and address of that announcement */
static void
mark_announcement(uint16_t port, const char *second, uint8_t last, struct pz_mdns_mark marks[3])
{
	const char *txt[] = {"v=1", second};
	struct pz_mdns_service service = {
		.instance = "abc", .host = "host", .port = port, .txt = txt, .txt_len = 2};
	struct pz_mdns_local local = {.len = 4, .bytes = {10, 9, 0, last}};

	assert_int_equal(pz_mdns_service_marks(&service, marks), 2);
	pz_mdns_address_mark("host", &local, &marks[2]);
}

static void
what_we_announced_before_is_an_echo(void **state)
{
	struct pz_mdns_mark was[3], is[3];

	(void)state;
	mark_announcement(8040, "t=", 1, was);
	mark_announcement(8041, "t=x", 2, is);
	for (size_t i = 0; i < 6; i++) {
		struct pz_mdns_echoes echoes = {.len = 0};

		put_announcement(i % 2 != 0);
		assert_false(is_echo(&echoes));
		pz_mdns_echoes_add(&echoes, &is[i / 2]);
		assert_false(is_echo(&echoes)); /* another port, text or address */
		pz_mdns_echoes_add(&echoes, &was[i / 2]);
		assert_true(is_echo(&echoes));
		pz_mdns_echoes_remove(&echoes, &was[i / 2]); /* it is announced again */
		assert_false(is_echo(&echoes));
	}
}

/* Peers send what they know of us with their questions, and a PTR record is shared. */
static void
what_a_peer_knows_of_us_is_no_echo(void **state)
{
	struct pz_mdns_echoes echoes = {.len = 0};
	struct pz_mdns_mark marks[3];

	(void)state;
	mark_announcement(8040, "t=", 1, marks);
	for (size_t i = 0; i < 3; i++)
		pz_mdns_echoes_add(&echoes, &marks[i]);
	begin(1, 1, 0);
	p.bytes[2] = 0; /* a question */
	PUT(SERVICE "\0\14\0\1");
	PUT("\3abc" AT_BEGIN);
	DATA(33, "\0\0\0\0\37\150\4host\5local\0");
	assert_good();
	assert_false(is_echo(&echoes));
	p.bytes[2] = (uint8_t)0x84;
	assert_true(is_echo(&echoes)); /* the same as an answer */
	put_ordinary();                /* others' text, and our port */
	assert_true(is_echo(&echoes));
	pz_mdns_echoes_remove(&echoes, &marks[0]);
	pz_mdns_echoes_remove(&echoes, &marks[2]);
	assert_false(is_echo(&echoes));
	begin(0, 1, 0);
	PUT(SERVICE);
	DATA(12, "\3abc" AT_BEGIN);
	assert_false(is_echo(&echoes));
}

static void
the_oldest_echoes_make_room(void **state)
{
	struct pz_mdns_echoes echoes = {.len = 0};
	struct pz_mdns_mark marks[3];

	(void)state;
	put_announcement(false);
	mark_announcement(8040, "t=", 1, marks);
	pz_mdns_echoes_add(&echoes, &marks[0]);
	for (uint16_t port = 1; port <= PZ_MDNS_ECHOES_MAX; port++) {
		assert_true(is_echo(&echoes));
		mark_announcement(port, "t=", 1, marks);
		pz_mdns_echoes_add(&echoes, &marks[0]);
		pz_mdns_echoes_add(&echoes, &marks[0]); /* known: takes no room */
	}
	assert_false(is_echo(&echoes));
	assert_int_equal(echoes.len, PZ_MDNS_ECHOES_MAX);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_others_announce_passes),
		cmocka_unit_test(bytes_behind_the_last_record_pass),
		cmocka_unit_test(a_datagram_that_ends_early_is_malformed),
		cmocka_unit_test(counts_that_promise_too_much_are_malformed),
		cmocka_unit_test(an_alias_anywhere_is_seen),
		cmocka_unit_test(pointers_lead_back_only),
		cmocka_unit_test(labels_and_names_have_their_sizes),
		cmocka_unit_test(data_has_the_form_of_its_type),
		cmocka_unit_test(the_size_has_an_end),
		cmocka_unit_test(what_we_announced_before_is_an_echo),
		cmocka_unit_test(what_a_peer_knows_of_us_is_no_echo),
		cmocka_unit_test(the_oldest_echoes_make_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
