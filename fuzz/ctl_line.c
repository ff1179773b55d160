/*
 * Target functions: pz_ctl_lines_next, pz_ctl_line_append.
 * Input: byte 0: how the bytes fall into pieces; the rest: what comes from a control socket.
 * Must hold: every line is found once, whatever pieces it came in; it is accepted exactly when it
 * is a JSON object without duplicate members; what is written is read again as the same.
 */
#include "fuzz.h"

#include "base/limits.h"
#include "ctl/line.h"
#include "wire/json.h"

/* Writes the object and reads it again. */
static void
check_round_trip(const json_t *object)
{
	struct pz_ctl_lines again;
	json_t *same = NULL;

	pz_ctl_lines_init(&again, 0);
	FUZZ_CHECK(pz_ctl_line_append(&again.in, object) == PZ_OK);
	FUZZ_CHECK(pz_ctl_lines_next(&again, &same) == PZ_OK && json_equal(object, same));
	json_decref(same);
	FUZZ_CHECK(pz_ctl_lines_next(&again, &same) == PZ_ERR_NOTFOUND);
	pz_ctl_lines_fini(&again);
}

static void
check_line(enum pz_err err, json_t *object, struct pz_slice line)
{
	json_t *tree = pz_json_parse(line, NULL);

	FUZZ_CHECK((err == PZ_OK) == json_is_object(tree));
	if (err == PZ_OK) {
		FUZZ_CHECK(json_equal(object, tree));
		check_round_trip(object);
		json_decref(object);
	} else {
		FUZZ_CHECK(err == PZ_ERR_PROTO_JSON && object == NULL);
	}
	json_decref(tree);
}

/* Takes every complete line. @param *rest what has arrived and is not taken yet, and more */
static void
take_lines(struct pz_ctl_lines *lines, struct pz_slice *rest, size_t *arrived)
{
	for (;;) {
		json_t *object = NULL;
		enum pz_err err = pz_ctl_lines_next(lines, &object);
		bool has_line = *arrived > 0 && memchr(rest->ptr, '\n', *arrived) != NULL;
		FUZZ_CHECK((err == PZ_ERR_NOTFOUND) == !has_line);
		if (!has_line)
			return;
		size_t before = rest->len;
		check_line(err, object, fuzz_line(rest));
		*arrived -= before - rest->len;
		FUZZ_CHECK(lines->in.len == *arrived);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pz_slice rest = pz_slice_of(data, size), stream;
	struct pz_kit_clock pieces = {.random = fuzz_byte(&rest)};
	struct pz_ctl_lines lines;
	size_t arrived = 0;

	if (size > PZ_CTL_LINE_BYTES_MAX)
		return 0;
	pz_ctl_lines_init(&lines, 0);
	stream = rest;
	while (stream.len > 0) {
		uint8_t piece = 0;
		pz_kit_random(&pieces, &piece, 1);
		size_t len = piece < 128 ? 1 + piece % 8 : (size_t)piece * 4;
		if (len > stream.len)
			len = stream.len;
		FUZZ_CHECK(pz_buf_append(&lines.in, pz_slice_of(stream.ptr, len)) == PZ_OK);
		stream = pz_slice_of(stream.ptr + len, stream.len - len);
		arrived += len;
		take_lines(&lines, &rest, &arrived);
	}
	pz_ctl_lines_fini(&lines);
	return 0;
}
