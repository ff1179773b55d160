/* Messages between node and responder: writing, reading, and what is refused. */
#include "kit/test.h"

#include <stdlib.h>
#include <string.h>

#include "mdns/message.h"

static struct pz_buf sent;
static struct pz_mdns_message_text text;

static int
setup(void **state)
{
	(void)state;
	pz_buf_init(&sent, 1 << 20, NULL);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	pz_buf_fini(&sent);
	return 0;
}

static bool
is_of_responder(enum pz_mdns_message_kind kind)
{
	return kind >= PZ_MDNS_STARTED;
}

/** Reads from a copy of its own, so that a sanitizer sees what is read beyond it. */
static enum pz_err
read_bytes(const void *bytes, size_t len, bool from_responder, struct pz_mdns_message *out,
	   size_t *out_used)
{
	static uint8_t *copy;

	free(copy);
	copy = malloc(len + 1);
	assert_non_null(copy);
	memcpy(copy, bytes, len);
	return pz_mdns_message_read(pz_slice_of(copy, len), from_responder, &text, out, out_used);
}

static struct pz_mdns_message
there_and_back(const struct pz_mdns_message *message)
{
	struct pz_mdns_message out = {.id = 0};
	size_t used = 99;

	assert_ok(pz_mdns_message_write(message, &sent));
	struct pz_slice bytes = pz_buf_slice(&sent);
	bool from = is_of_responder(message->kind);
	for (size_t len = 0; len < bytes.len; len++) { /* not all there yet */
		assert_ok(read_bytes(bytes.ptr, len, from, &out, &used));
		assert_int_equal(used, 0);
	}
	/* The other end sends no such thing. */
	assert_int_equal(read_bytes(bytes.ptr, bytes.len, !from, &out, &used), PZ_ERR_PROTO);
	assert_ok(read_bytes(bytes.ptr, bytes.len, from, &out, &used));
	assert_int_equal(used, bytes.len);
	assert_int_equal(out.kind, message->kind);
	assert_int_equal(out.id, message->id);
	/* One byte more or less inside makes it invalid. */
	uint8_t other[PZ_MDNS_MESSAGE_BYTES_MAX + 3] = {0};
	memcpy(other, bytes.ptr, bytes.len);
	size_t len = bytes.len - 2;
	if (message->kind != PZ_MDNS_RECORD) {
		struct pz_mdns_message ignored;
		other[0] = (uint8_t)((len + 1) >> 8);
		other[1] = (uint8_t)(len + 1);
		assert_int_equal(read_bytes(other, bytes.len + 1, from, &ignored, &used),
				 PZ_ERR_PROTO);
		other[0] = (uint8_t)((len - 1) >> 8);
		other[1] = (uint8_t)(len - 1);
		assert_int_equal(read_bytes(other, bytes.len - 1, from, &ignored, &used),
				 PZ_ERR_PROTO);
		assert_ok(read_bytes(bytes.ptr, bytes.len, from, &out, &used));
	}
	pz_buf_consume(&sent, bytes.len);
	return out;
}

static void
a_service_arrives(void **state)
{
	static const char *const txt[] = {"v=1", "t=0123456789abcdef"};
	struct pz_mdns_message message = {
		.kind = PZ_MDNS_ADD_SERVICE,
		.id = 7,
		.service = {"Anna's. Gerät", "pz-host", 8040, txt, 2},
	};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct pz_mdns_message out = there_and_back(&message);

		assert_string_equal(out.service.instance, "Anna's. Gerät");
		assert_string_equal(out.service.host, "pz-host");
		assert_int_equal(out.service.port, 8040);
		assert_int_equal(out.service.txt_len, 2);
		assert_string_equal(out.service.txt[1], "t=0123456789abcdef");
		message.kind = PZ_MDNS_UPDATE_SERVICE;
	}
}

static void
an_address_a_watch_and_a_record_arrive(void **state)
{
	struct pz_mdns_message address = {
		.kind = PZ_MDNS_ADD_ADDRESS,
		.id = 0xfffffffe,
		.host = "pz-host",
		.address = {.interface = 3, .len = 16, .bytes = {0xfe, 0x80, [15] = 1}},
	};
	struct pz_mdns_message watch = {
		.kind = PZ_MDNS_WATCH, .id = 1, .type = PZ_MDNS_AAAA, .name = "a.local"};
	struct pz_mdns_message record = {.kind = PZ_MDNS_RECORD,
					 .id = 1,
					 .is_there = true,
					 .protocol = 1,
					 .interface = 2,
					 .rdata = pz_slice_of("\0\1\2", 3)};

	(void)state;
	struct pz_mdns_message out = there_and_back(&address);
	assert_string_equal(out.host, "pz-host");
	assert_int_equal(out.address.interface, 3);
	assert_int_equal(out.address.len, 16);
	assert_memory_equal(out.address.bytes, address.address.bytes, 16);
	out = there_and_back(&watch);
	assert_int_equal(out.type, PZ_MDNS_AAAA);
	assert_string_equal(out.name, "a.local");
	out = there_and_back(&record);
	assert_true(out.is_there && out.protocol == 1 && out.interface == 2);
	assert_true(pz_slice_eq(out.rdata, record.rdata));
}

static void
the_others_arrive(void **state)
{
	static const enum pz_mdns_message_kind kinds[] = {
		PZ_MDNS_REMOVE, PZ_MDNS_UNWATCH, PZ_MDNS_PING,      PZ_MDNS_STARTED,
		PZ_MDNS_UNABLE, PZ_MDNS_PONG,    PZ_MDNS_COLLISION, PZ_MDNS_ESTABLISHED,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct pz_mdns_message message = {.kind = kinds[i], .id = 9};
		there_and_back(&message);
	}
	struct pz_mdns_message failed = {.kind = PZ_MDNS_FAILED, .id = 9, .is_watch = true};
	assert_true(there_and_back(&failed).is_watch);
}

static void
what_is_too_long_is_not_written(void **state)
{
	static const uint8_t rdata[PZ_MDNS_MESSAGE_BYTES_MAX];
	struct pz_mdns_message message = {.kind = PZ_MDNS_RECORD,
					  .rdata = pz_slice_of(rdata, sizeof(rdata))};

	(void)state;
	assert_int_equal(pz_mdns_message_write(&message, &sent), PZ_ERR_LIMIT);
	message.rdata.len = PZ_MDNS_PACKET_BYTES_MAX; /* the longest that there is */
	there_and_back(&message);
	pz_buf_fini(&sent);
	pz_buf_init(&sent, 100, NULL);
	assert_int_equal(pz_mdns_message_write(&message, &sent), PZ_ERR_LIMIT_QUEUE);
	assert_int_equal(sent.len, 0);
}

static void
what_is_no_message_is_refused(void **state)
{
#define BYTES(literal) literal, sizeof(literal) - 1
	static const struct {
		const char *bytes;
		size_t len;
		bool from_responder;
	} bad[] = {
		{BYTES("\0\0"), true},            /* no kind */
		{BYTES("\0\4\10\0\0\0"), true},   /* no id */
		{BYTES("\377\377"), true},        /* longer than any */
		{BYTES("\0\5\0\0\0\0\1"), false}, /* kinds that do not exist */
		{BYTES("\0\5\17\0\0\0\1"), true},
		{BYTES("\0\5\377\0\0\0\1"), true},
		{BYTES("\0\6\14\0\0\0\1\2"), true},                 /* a flag of 2 */
		{BYTES("\0\12\5\0\0\0\1\0\1\377\377x"), false},     /* a string beyond the end */
		{BYTES("\0\12\5\0\0\0\1\0\1\0\1\0"), false},        /* with NUL */
		{BYTES("\0\15\3\0\0\0\1\0\1h\0\0\0\1\5"), false},   /* an address of 5 bytes */
		{BYTES("\0\16\1\0\0\0\1\0\0\0\0\0\0\0\0x"), false}, /* a service without a name */
	};
	struct pz_mdns_message out;
	size_t used = 99;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(
			read_bytes(bad[i].bytes, bad[i].len, bad[i].from_responder, &out, &used),
			PZ_ERR_PROTO);
		assert_int_equal(used, 0);
	}
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		T(a_service_arrives),
		T(an_address_a_watch_and_a_record_arrive),
		T(the_others_arrive),
		T(what_is_too_long_is_not_written),
		T(what_is_no_message_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
