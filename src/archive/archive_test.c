/* Archives of zones: the bytes around the content, and the attacks that they must resist. */
#include "kit/test.h"

#include "archive/archive.h"
#include "base/limits.h"
#include "kit/world.h"

#define ZONE "alice@example.org"

#define PASSPHRASE "correct horse battery"
#define PIECE (64U << 10)
#define OVERHEAD (PZ_ARCHIVE_HEAD_BYTES + 24 + 17)

static struct pz_kit_world w;
static uint8_t head[PZ_ARCHIVE_HEAD_BYTES], key[PZ_ARCHIVE_KEY_BYTES];

static int
set_up(void **state)
{
	(void)state;
	pz_kit_world_init(&w, 0);
	pz_archive_head_make(&w.clock.env, head);
	assert_ok(pz_archive_key(head, pz_slice_str(PASSPHRASE), key, &w.info));
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	pz_kit_world_fini(&w);
	return 0;
}

static uint8_t
content_byte(size_t i)
{
	return (uint8_t)(i * 31 + i / 251);
}

/* An archive of that many bytes. */
static struct pz_buf
sealed(size_t len)
{
	struct pz_archive_writer *writer = NULL;
	uint8_t *content = malloc(len + 1);
	struct pz_buf out;

	assert_non_null(content);
	for (size_t i = 0; i < len; i++)
		content[i] = content_byte(i);
	pz_buf_init(&out, PZ_ARCHIVE_BYTES_MAX, NULL);
	assert_ok(pz_archive_writer_new(head, key, &out, &writer, &w.info));
	for (size_t at = 0, part = 1; at < len; at += part, part = part * 7 + 1) {
		if (part > len - at)
			part = len - at;
		assert_ok(pz_archive_write(writer, pz_slice_of(content + at, part)));
	}
	assert_ok(pz_archive_finish(writer));
	pz_archive_writer_free(writer);
	free(content);
	return out;
}

struct taken {
	size_t len;
	enum pz_err fails;
};

static enum pz_err
take(void *arg, struct pz_slice content, struct pz_errinfo *info)
{
	struct taken *t = arg;

	(void)info;
	for (size_t i = 0; i < content.len; i++)
		assert_int_equal(content.ptr[i], content_byte(t->len + i));
	t->len += content.len;
	return t->fails;
}

/* Opens it in parts of that many bytes. What was taken is what was sealed, or a part of it. */
static enum pz_err
open_with(const uint8_t *with, struct pz_slice archive, size_t part, struct taken *out)
{
	struct pz_archive_reader *r = pz_archive_reader_new(with, take, out);
	enum pz_err err = PZ_OK;

	assert_non_null(r);
	while (err == PZ_OK && archive.len > 0) {
		size_t len = part < archive.len ? part : archive.len;
		err = pz_archive_read(r, pz_slice_of(archive.ptr, len), &w.info);
		archive = pz_slice_of(archive.ptr + len, archive.len - len);
	}
	if (err == PZ_OK)
		err = pz_archive_read_end(r, &w.info);
	if (err != PZ_OK) { /* for good */
		assert_int_equal(pz_archive_read(r, pz_slice_str("x"), NULL), err);
		assert_int_equal(pz_archive_read_end(r, NULL), err);
	}
	pz_archive_reader_free(r);
	return err;
}

static void
test_round_trip(void **state)
{
	static const size_t lens[] = {0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 300000};
	static const size_t parts[] = {1, 1000, SIZE_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		struct pz_buf archive = sealed(lens[i]);
		size_t pieces = lens[i] ? (lens[i] + PIECE - 1) / PIECE : 1;

		assert_int_equal(archive.len, OVERHEAD + lens[i] + 17 * pieces);
		for (size_t p = 0; p < sizeof(parts) / sizeof(parts[0]); p++) {
			struct taken t = {.len = 0};
			assert_ok(open_with(key, pz_buf_slice(&archive), parts[p], &t));
			assert_int_equal(t.len, lens[i]);
		}
		pz_buf_wipe(&archive);
	}
}

static void
test_two_are_different(void **state)
{
	struct pz_buf a = sealed(100), b = sealed(100);
	uint8_t other[PZ_ARCHIVE_HEAD_BYTES];

	(void)state;
	assert_int_equal(a.len, b.len);
	assert_memory_not_equal(pz_buf_slice(&a).ptr + PZ_ARCHIVE_HEAD_BYTES,
				pz_buf_slice(&b).ptr + PZ_ARCHIVE_HEAD_BYTES,
				a.len - PZ_ARCHIVE_HEAD_BYTES);
	pz_archive_head_make(&w.clock.env, other);
	assert_memory_equal(other, head, 24);
	assert_memory_not_equal(other + 24, head + 24, 16);
	pz_buf_wipe(&a);
	pz_buf_wipe(&b);
}

static void
test_wrong_passphrase(void **state)
{
	struct pz_buf archive = sealed(100);
	uint8_t other[PZ_ARCHIVE_KEY_BYTES];
	struct taken t = {.len = 0};

	(void)state;
	assert_ok(pz_archive_key(head, pz_slice_str(PASSPHRASE "!"), other, &w.info));
	assert_int_equal(open_with(other, pz_buf_slice(&archive), 7, &t), PZ_ERR_CRYPTO);
	assert_non_null(strstr(w.info.text, "wrong passphrase, or the archive is damaged"));
	assert_int_equal(t.len, 0);
	pz_buf_wipe(&archive);
}

/* Wherever it ends, and whatever was read before that. */
static void
test_cut_anywhere(void **state)
{
	struct pz_buf archive = sealed(PIECE + 5);
	struct pz_slice whole = pz_buf_slice(&archive);

	(void)state;
	for (size_t len = 0; len < whole.len; len += len < 200 || len > whole.len - 60 ? 1 : 997) {
		struct taken t = {.len = 0};
		assert_int_equal(open_with(key, pz_slice_of(whole.ptr, len), 4096, &t),
				 PZ_ERR_PROTO);
	}
	/* On the very border of a piece. */
	struct taken t = {.len = 0};
	assert_int_equal(open_with(key, pz_slice_of(whole.ptr, OVERHEAD + PIECE + 17), 4096, &t),
			 PZ_ERR_PROTO);
	assert_string_equal(w.info.text, "the archive is cut short");
	assert_int_equal(t.len, PIECE);
	pz_buf_wipe(&archive);
}

static void
test_changed_anywhere(void **state)
{
	struct pz_buf archive = sealed(300);
	struct pz_slice whole = pz_buf_slice(&archive);
	uint8_t *copy = malloc(whole.len + 1);

	(void)state;
	assert_non_null(copy);
	for (size_t i = 0; i < whole.len; i++) {
		struct taken t = {.len = 0};
		memcpy(copy, whole.ptr, whole.len);
		copy[i] ^= 0x10;
		assert_int_not_equal(open_with(key, pz_slice_of(copy, whole.len), SIZE_MAX, &t),
				     PZ_OK);
		assert_int_equal(t.len, 0);
	}
	struct taken t = {.len = 0};
	memcpy(copy, whole.ptr, whole.len);
	copy[whole.len] = 'x';
	assert_int_not_equal(open_with(key, pz_slice_of(copy, whole.len + 1), SIZE_MAX, &t), PZ_OK);
	free(copy);
	pz_buf_wipe(&archive);
}

/* Pieces that are each genuine, in another order. */
static void
test_pieces_swapped(void **state)
{
	struct pz_buf archive = sealed(3 * PIECE);
	size_t step = PIECE + 17;
	uint8_t *bytes = (uint8_t *)pz_buf_slice(&archive).ptr + OVERHEAD;
	uint8_t *spare = malloc(step);
	struct taken t = {.len = 0};

	(void)state;
	assert_non_null(spare);
	memcpy(spare, bytes, step);
	memcpy(bytes, bytes + step, step);
	memcpy(bytes + step, spare, step);
	assert_int_equal(open_with(key, pz_buf_slice(&archive), SIZE_MAX, &t), PZ_ERR_PROTO);
	assert_int_equal(t.len, 0);
	free(spare);
	pz_buf_wipe(&archive);
}

static void
check_head(size_t at, uint8_t value, enum pz_err expected, const char *word)
{
	uint8_t changed[PZ_ARCHIVE_HEAD_BYTES];

	memcpy(changed, head, sizeof(head));
	changed[at] = value;
	assert_int_equal(pz_archive_head_check(pz_slice_of(changed, sizeof(changed)), &w.info),
			 expected);
	assert_non_null(strstr(w.info.text, word));
	assert_int_equal(pz_archive_key(changed, pz_slice_str(PASSPHRASE), key, NULL), expected);
}

static void
test_heads(void **state)
{
	uint8_t was[PZ_ARCHIVE_KEY_BYTES];

	(void)state;
	memcpy(was, key, sizeof(was));
	check_head(0, 'p', PZ_ERR_PROTO, "not an archive");
	check_head(9, 2, PZ_ERR_CONFIG, "of version 2, made by a newer pzh");
	check_head(8, 1, PZ_ERR_CONFIG, "newer");
	check_head(9, 0, PZ_ERR_PROTO, "damaged");
	check_head(10, 2, PZ_ERR_PROTO, "damaged");
	check_head(11, 1, PZ_ERR_PROTO, "damaged");
	/* What would cost us time or memory. */
	check_head(15, 17, PZ_ERR_LIMIT, "passes");
	check_head(12, 1, PZ_ERR_LIMIT, "passes");
	check_head(15, 0, PZ_ERR_PROTO, "damaged");
	check_head(20, 0x30, PZ_ERR_LIMIT, "memory");
	check_head(16, 1, PZ_ERR_LIMIT, "memory");
	check_head(20, 0, PZ_ERR_PROTO, "damaged");
	assert_memory_equal(key, was, sizeof(was));
	assert_int_equal(pz_archive_head_check(pz_slice_str("PZ-ZO"), &w.info), PZ_ERR_PROTO);
	assert_non_null(strstr(w.info.text, "cut short"));
	assert_int_equal(pz_archive_head_check(pz_slice_str(""), &w.info), PZ_ERR_PROTO);
	/* A newer one may have another length: what it is is said all the same. */
	assert_int_equal(pz_archive_head_check(pz_slice_of("PZ-ZONE\n\0\2", 10), &w.info),
			 PZ_ERR_CONFIG);
}

static void
test_taker_refuses(void **state)
{
	struct pz_buf archive = sealed(100);
	struct taken t = {.fails = PZ_ERR_LIMIT_MEMORY};

	(void)state;
	assert_int_equal(open_with(key, pz_buf_slice(&archive), 50, &t), PZ_ERR_LIMIT_MEMORY);
	pz_buf_wipe(&archive);
}

static void
test_too_long(void **state)
{
	struct taken t = {.len = 0};
	struct pz_archive_reader *r = pz_archive_reader_new(key, take, &t);
	struct pz_archive_writer *writer = NULL;
	struct pz_buf small;
	static uint8_t zeros[2 * PIECE];

	(void)state;
	/* Only the length counts here, and it is looked at first. */
	assert_int_equal(
		pz_archive_read(r, pz_slice_of(zeros, (size_t)PZ_ARCHIVE_BYTES_MAX + 1), &w.info),
		PZ_ERR_LIMIT);
	pz_archive_reader_free(r);
	pz_buf_init(&small, OVERHEAD + 100, NULL);
	assert_ok(pz_archive_writer_new(head, key, &small, &writer, &w.info));
	assert_int_equal(pz_archive_write(writer, pz_slice_of(zeros, sizeof(zeros))),
			 PZ_ERR_LIMIT_QUEUE);
	pz_archive_writer_free(writer);
	pz_buf_wipe(&small);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_two_are_different),
		cmocka_unit_test(test_wrong_passphrase),
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_changed_anywhere),
		cmocka_unit_test(test_pieces_swapped),
		cmocka_unit_test(test_heads),
		cmocka_unit_test(test_taker_refuses),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
