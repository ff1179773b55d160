#include "kit/test.h"

#include <string.h>

#include "wire/frame.h"
#include "wire/last_props.h"

static void
put(struct pz_buf *frames, const char *body)
{
	uint8_t header[PZ_FRAME_HEADER_BYTES];

	pz_frame_put_header(header, strlen(body));
	assert_ok(pz_buf_append(frames, pz_slice_of(header, sizeof(header))));
	assert_ok(pz_buf_append_str(frames, body));
}

/* What is not a whole message, or none at all, ends or is passed over. */
static void
props_alone_in_their_order(void **state)
{
	struct pz_buf frames, expected, out;

	(void)state;
	pz_buf_init(&frames, 10000, NULL);
	pz_buf_init(&expected, 10000, NULL);
	pz_buf_init(&out, 10000, NULL);
	assert_ok(pz_last_props((struct pz_slice){0}, &out));
	assert_int_equal(out.len, 0);
	put(&frames, "{\"type\":\"prop\",\"id\":1}");
	put(&frames, "{\"type\":\"JSONRPC\",\"id\":2}");
	put(&frames, "not JSON");
	put(&frames, "{\"type\":\"deliveryNotification\",\"id\":3}");
	put(&frames, "{\"type\":\"prop\",\"id\":4}");
	put(&expected, "{\"type\":\"prop\",\"id\":1}");
	put(&expected, "{\"type\":\"prop\",\"id\":4}");
	assert_ok(pz_buf_append_str(&frames, "\x20"));
	assert_ok(pz_last_props(pz_buf_slice(&frames), &out));
	assert_int_equal(out.len, expected.len);
	assert_memory_equal(out.mem, expected.mem, out.len);
	pz_buf_fini(&frames);
	pz_buf_fini(&expected);
	pz_buf_fini(&out);
}

/* At every maximum: as many as fit, the newest. */
static void
the_newest_that_fit(void **state)
{
	static const char first[] = "{\"type\":\"prop\",\"id\":1}";
	static const size_t one = PZ_FRAME_HEADER_BYTES + sizeof(first) - 1;
	struct pz_buf frames, out;

	(void)state;
	pz_buf_init(&frames, 10000, NULL);
	put(&frames, first);
	put(&frames, "{\"type\":\"prop\",\"id\":2}");
	put(&frames, "{\"type\":\"prop\",\"id\":3}");
	for (size_t max = 0; max < 4 * one; max++) {
		size_t fit = max / one < 3 ? max / one : 3;

		pz_buf_init(&out, max, NULL);
		assert_ok(pz_last_props(pz_buf_slice(&frames), &out));
		assert_int_equal(out.len, fit * one);
		if (fit > 0)
			assert_memory_equal(out.mem, frames.mem + (3 - fit) * one, fit * one);
		pz_buf_fini(&out);
	}
	pz_buf_fini(&frames);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(props_alone_in_their_order),
		cmocka_unit_test(the_newest_that_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
