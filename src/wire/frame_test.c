/* @spec page 14 PRS-2 */
#include "kit/test.h"

#include <stdlib.h>

#include "wire/frame.h"

static enum pz_err
cut_header(uint32_t len, size_t max)
{
	uint8_t bytes[4] = {(uint8_t)len, (uint8_t)(len >> 8), (uint8_t)(len >> 16),
			    (uint8_t)(len >> 24)};
	struct pz_slice frame;
	size_t need;

	return pz_frame_cut(pz_slice_of(bytes, 4), max, &frame, &need);
}

static void
test_every_place(void **state)
{
	uint8_t bytes[4 + 300 + 3];

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	pz_frame_put_header(bytes, 300);
	assert_memory_equal(bytes, "\x2c\x01\x00\x00", 4);
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		uint8_t *copy = malloc(len ? len : 1);
		struct pz_slice frame = {bytes, 77};
		size_t need = 77;

		assert_non_null(copy);
		memcpy(copy, bytes, len);
		assert_ok(pz_frame_cut(pz_slice_of(copy, len), 300, &frame, &need));
		if (len < 304) {
			assert_int_equal(frame.len, 0);
			assert_int_equal(need, len < 4 ? 4 - len : 304 - len);
		} else {
			assert_int_equal(frame.len, 304);
			assert_ptr_equal(frame.ptr, copy);
			assert_int_equal(need, 0);
			assert_ptr_equal(pz_frame_body(frame).ptr, copy + 4);
			assert_int_equal(pz_frame_body(frame).len, 300);
		}
		free(copy);
	}
}

static void
test_lengths(void **state)
{
	struct pz_slice frame = {(const uint8_t *)"x", 1};
	size_t need = 5;

	(void)state;
	assert_int_equal(cut_header(0, 100), PZ_ERR_PROTO_FRAME);
	assert_ok(cut_header(1, 100));
	assert_ok(cut_header(100, 100));
	assert_int_equal(cut_header(101, 100), PZ_ERR_PROTO_FRAME);
	assert_ok(cut_header(PZ_FRAME_BYTES_MAX, PZ_FRAME_BYTES_MAX));
	assert_int_equal(cut_header(PZ_FRAME_BYTES_MAX + 1, PZ_FRAME_BYTES_MAX),
			 PZ_ERR_PROTO_FRAME);
	assert_int_equal(cut_header(UINT32_MAX, PZ_FRAME_BYTES_MAX), PZ_ERR_PROTO_FRAME);
	/* The top bit is refused whatever the maximum. */
	assert_ok(cut_header(0x7fffffff, SIZE_MAX));
	assert_int_equal(cut_header(0x80000001, SIZE_MAX), PZ_ERR_PROTO_FRAME);

	/* Nothing is decided, and nothing written on failure. */
	assert_int_equal(pz_frame_cut(pz_slice_of("\0\0\0\0", 4), 9, &frame, &need),
			 PZ_ERR_PROTO_FRAME);
	assert_int_equal(frame.len, 1);
	assert_int_equal(need, 5);
	assert_ok(pz_frame_cut(pz_slice_of("\0\0\0", 3), 9, &frame, &need));
	assert_int_equal(need, 1);
	assert_ok(pz_frame_cut(pz_slice_of(NULL, 0), 9, &frame, &need));
	assert_int_equal(need, 4);
}

static void
test_many_in_one_piece(void **state)
{
	static const char bytes[] = "\1\0\0\0a\2\0\0\0bc\1\0";
	struct pz_slice rest = pz_slice_of(bytes, sizeof(bytes) - 1), frame;
	size_t need;

	(void)state;
	assert_ok(pz_frame_cut(rest, 9, &frame, &need));
	assert_true(pz_slice_eq_str(pz_frame_body(frame), "a"));
	rest = pz_slice_of(rest.ptr + frame.len, rest.len - frame.len);
	assert_ok(pz_frame_cut(rest, 9, &frame, &need));
	assert_true(pz_slice_eq_str(pz_frame_body(frame), "bc"));
	rest = pz_slice_of(rest.ptr + frame.len, rest.len - frame.len);
	assert_ok(pz_frame_cut(rest, 9, &frame, &need));
	assert_int_equal(frame.len, 0);
	assert_int_equal(pz_frame_body(frame).len, 0);
	assert_int_equal(need, 2);
}

static void
test_header_round_trip(void **state)
{
	static const size_t table[] = {1, 255, 256, 65535, 65536, PZ_FRAME_BYTES_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		uint8_t header[4];
		struct pz_slice frame;
		size_t need;

		pz_frame_put_header(header, table[i]);
		assert_ok(pz_frame_cut(pz_slice_of(header, 4), PZ_FRAME_BYTES_MAX, &frame, &need));
		assert_int_equal(need, table[i]);
	}
}

static void
test_frames_fit(void **state)
{
	static const uint8_t two[] = {1, 0, 0, 0, 'x', 3, 0, 0, 0, 'a', 'b', 'c'};

	(void)state;
	assert_true(pz_frames_fit(pz_slice_of(two, sizeof(two)), 3));
	assert_false(pz_frames_fit(pz_slice_of(two, sizeof(two)), 2));
	assert_false(pz_frames_fit(pz_slice_of(two, sizeof(two) - 1), 3)); /* no whole frame */
	assert_true(pz_frames_fit(pz_slice_of(two, 5), 1));
	assert_true(pz_frames_fit(pz_slice_of(NULL, 0), 1));
}

/* A channel's frame: found when it is complete, wherever the pieces end. */
static void
test_data_frames(void **state)
{
	uint8_t bytes[PZ_DATA_HEADER_BYTES + 300 + 3];
	struct pz_slice data;

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	pz_frame_put_data_header(bytes, 0x01020304, 300);
	assert_memory_equal(bytes, "\x30\x01\x00\x80\x04\x03\x02\x01", 8);
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		uint8_t *copy = malloc(len ? len : 1);
		struct pz_slice frame = {bytes, 77};
		size_t need = 77;

		assert_non_null(copy);
		memcpy(copy, bytes, len);
		assert_ok(pz_frame_cut_data(pz_slice_of(copy, len), &frame, &need));
		assert_int_equal(frame.len, len < 308 ? 0 : 308);
		assert_int_equal(need, len < 4 ? 4 - len : len < 308 ? 308 - len : 0);
		if (frame.len > 0) {
			assert_int_equal(pz_frame_data(frame, &data), 0x01020304);
			assert_ptr_equal(data.ptr, copy + 8);
			assert_int_equal(data.len, 300);
		}
		free(copy);
	}
}

static void
test_data_lengths(void **state)
{
	static const struct {
		uint32_t length;
		bool is_ok;
	} cases[] = {
		{0x80000005U, true},  {0x80000000U | 16380, true},
		{0x80000004U, false}, {0x80000000U | 16381, false},
		{0x80000000U, false}, {0xffffffffU, false},
		{0x00000005U, false}, {0, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t bytes[4];
		struct pz_slice frame = {bytes, 77};
		size_t need = 77;

		for (unsigned k = 0; k < 4; k++)
			bytes[k] = (uint8_t)(cases[i].length >> 8 * k);
		enum pz_err err = pz_frame_cut_data(pz_slice_of(bytes, 4), &frame, &need);
		assert_int_equal(err, cases[i].is_ok ? PZ_OK : PZ_ERR_PROTO_FRAME);
		assert_int_equal(need, cases[i].is_ok ? cases[i].length & 0x7fffffffU : 77);
		/* and it is no message */
		if (cases[i].length & 0x80000000U)
			assert_int_equal(
				pz_frame_cut(pz_slice_of(bytes, 4), SIZE_MAX, &frame, &need),
				PZ_ERR_PROTO_FRAME);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_place),       cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_many_in_one_piece), cmocka_unit_test(test_header_round_trip),
		cmocka_unit_test(test_frames_fit),        cmocka_unit_test(test_data_frames),
		cmocka_unit_test(test_data_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
