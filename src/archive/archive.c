/*
 * The archive's encryption (archive.h has the layout): argon2id derives a key from the passphrase,
 * secretstream seals pieces of 64 KiB. Every piece authenticates the head, so a changed cost or
 * salt is detected; the stream and its final tag detect a changed order, truncation and appended
 * bytes.
 *
 * The reader accepts bytes in portions of any size and returns content only after authenticating
 * it. Its stages follow the layout; each collects a fixed number of bytes and then processes them.
 */
#include "archive/archive.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

#define MAGIC "PZ-ZONE\n"
#define MAGIC_BYTES 8
#define VERSION 1
#define KDF_ARGON2ID 1
#define SALT_AT 24
#define STREAM_BYTES crypto_secretstream_xchacha20poly1305_HEADERBYTES
#define SEAL_BYTES crypto_secretstream_xchacha20poly1305_ABYTES
#define PIECE_BYTES (64U << 10) /* of content */
#define TAG_MESSAGE crypto_secretstream_xchacha20poly1305_TAG_MESSAGE
#define TAG_FINAL crypto_secretstream_xchacha20poly1305_TAG_FINAL

_Static_assert(SALT_AT + crypto_pwhash_argon2id_SALTBYTES == PZ_ARCHIVE_HEAD_BYTES, "salt");
_Static_assert(PZ_ARCHIVE_KEY_BYTES == crypto_secretstream_xchacha20poly1305_KEYBYTES, "key");

/* ---- head and key ---- */

/* Big-endian. */
static void
put_number(uint8_t *out, size_t len, uint64_t number)
{
	for (size_t i = len; i-- > 0; number >>= 8)
		out[i] = (uint8_t)number;
}

static uint64_t
get_number(const uint8_t *bytes, size_t len)
{
	uint64_t number = 0;

	for (size_t i = 0; i < len; i++)
		number = number << 8 | bytes[i];
	return number;
}

void
pz_archive_head_make(const struct pz_env *env, uint8_t out[PZ_ARCHIVE_HEAD_BYTES])
{
	memcpy(out, MAGIC, MAGIC_BYTES);
	put_number(out + 8, 2, VERSION);
	out[10] = KDF_ARGON2ID;
	out[11] = 0;
	put_number(out + 12, 4, PZ_ARCHIVE_PASSES);
	put_number(out + 16, 8, PZ_ARCHIVE_MEMORY);
	pz_env_random(env, out + SALT_AT, crypto_pwhash_argon2id_SALTBYTES);
}

enum pz_err
pz_archive_head_check(struct pz_slice bytes, struct pz_errinfo *info)
{
	size_t magic = bytes.len < MAGIC_BYTES ? bytes.len : MAGIC_BYTES;

	if (bytes.len == 0 || memcmp(bytes.ptr, MAGIC, magic) != 0)
		return pz_fail(info, PZ_ERR_PROTO, "this is not an archive of a zone");
	/* Before the length, because the head of a later version may be longer. */
	if (bytes.len >= 10 && get_number(bytes.ptr + 8, 2) > VERSION)
		return pz_fail(info, PZ_ERR_CONFIG,
			       "the archive is of version %u, made by a newer pzh; this one knows "
			       "version %d: update it",
			       (unsigned)get_number(bytes.ptr + 8, 2), VERSION);
	if (bytes.len < PZ_ARCHIVE_HEAD_BYTES)
		return pz_fail(info, PZ_ERR_PROTO, "the archive is cut short");
	uint64_t passes = get_number(bytes.ptr + 12, 4), memory = get_number(bytes.ptr + 16, 8);
	if (get_number(bytes.ptr + 8, 2) != VERSION || bytes.ptr[10] != KDF_ARGON2ID ||
	    bytes.ptr[11] != 0 || passes < crypto_pwhash_argon2id_OPSLIMIT_MIN ||
	    memory < crypto_pwhash_argon2id_MEMLIMIT_MIN)
		return pz_fail(info, PZ_ERR_PROTO, "the archive's beginning is damaged");
	if (passes > PZ_ARCHIVE_PASSES_MAX || memory > PZ_ARCHIVE_MEMORY_MAX)
		return pz_fail(info, PZ_ERR_LIMIT,
			       "the archive asks for more than %d passes or %u MiB of memory; no "
			       "pzh makes such a one",
			       PZ_ARCHIVE_PASSES_MAX, PZ_ARCHIVE_MEMORY_MAX >> 20);
	return PZ_OK;
}

enum pz_err
pz_archive_key(const uint8_t head[PZ_ARCHIVE_HEAD_BYTES], struct pz_slice passphrase,
	       uint8_t out[PZ_ARCHIVE_KEY_BYTES], struct pz_errinfo *info)
{
	uint8_t key[PZ_ARCHIVE_KEY_BYTES];

	PZ_TRY(pz_archive_head_check(pz_slice_of(head, PZ_ARCHIVE_HEAD_BYTES), info));
	if (sodium_init() < 0 ||
	    crypto_pwhash_argon2id(key, sizeof(key), (const char *)passphrase.ptr, passphrase.len,
				   head + SALT_AT, get_number(head + 12, 4),
				   (size_t)get_number(head + 16, 8),
				   crypto_pwhash_argon2id_ALG_ARGON2ID13) != 0)
		return pz_fail(
			info, PZ_ERR_LIMIT_MEMORY,
			"making the archive's key needs %u MiB of memory, which are not available",
			(unsigned)(get_number(head + 16, 8) >> 20));
	memcpy(out, key, sizeof(key));
	sodium_memzero(key, sizeof(key));
	return PZ_OK;
}

/* ---- sealing ---- */

struct pz_archive_writer {
	crypto_secretstream_xchacha20poly1305_state stream;
	uint8_t head[PZ_ARCHIVE_HEAD_BYTES];
	uint8_t piece[PIECE_BYTES];
	size_t len; /* bytes in `piece` */
	struct pz_buf *out;
};

/* Seals the collected piece, which may be empty. */
static enum pz_err
seal(struct pz_archive_writer *w, uint8_t tag)
{
	uint8_t *at;

	PZ_TRY(pz_buf_reserve(w->out, w->len + SEAL_BYTES, &at));
	crypto_secretstream_xchacha20poly1305_push(&w->stream, at, NULL, w->piece, w->len, w->head,
						   sizeof(w->head), tag);
	pz_buf_commit(w->out, w->len + SEAL_BYTES);
	w->len = 0;
	return PZ_OK;
}

/* The empty piece after the header detects a wrong passphrase at once. */
static enum pz_err
begin(struct pz_archive_writer *w, const uint8_t key[PZ_ARCHIVE_KEY_BYTES])
{
	uint8_t header[STREAM_BYTES];

	crypto_secretstream_xchacha20poly1305_init_push(&w->stream, header, key);
	PZ_TRY(pz_buf_append(w->out, pz_slice_of(w->head, sizeof(w->head))));
	PZ_TRY(pz_buf_append(w->out, pz_slice_of(header, sizeof(header))));
	return seal(w, TAG_MESSAGE); /* the empty piece */
}

enum pz_err
pz_archive_writer_new(const uint8_t head[PZ_ARCHIVE_HEAD_BYTES],
		      const uint8_t key[PZ_ARCHIVE_KEY_BYTES], struct pz_buf *out,
		      struct pz_archive_writer **out_writer, struct pz_errinfo *info)
{
	PZ_TRY(pz_archive_head_check(pz_slice_of(head, PZ_ARCHIVE_HEAD_BYTES), info));
	struct pz_archive_writer *w = sodium_init() < 0 ? NULL : malloc(sizeof(*w));
	if (w == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	memcpy(w->head, head, sizeof(w->head));
	w->len = 0;
	w->out = out;
	enum pz_err err = begin(w, key);
	if (err != PZ_OK) {
		pz_archive_writer_free(w);
		return pz_fail(info, err, "the archive: %s", pz_err_text(err));
	}
	*out_writer = w;
	return PZ_OK;
}

enum pz_err
pz_archive_write(struct pz_archive_writer *w, struct pz_slice content)
{
	while (content.len > 0) {
		/* Only if more follows: the last piece has a tag of its own. */
		if (w->len == PIECE_BYTES)
			PZ_TRY(seal(w, TAG_MESSAGE));
		size_t len =
			PIECE_BYTES - w->len < content.len ? PIECE_BYTES - w->len : content.len;
		memcpy(w->piece + w->len, content.ptr, len);
		w->len += len;
		content = pz_slice_of(content.ptr + len, content.len - len);
	}
	return PZ_OK;
}

enum pz_err
pz_archive_finish(struct pz_archive_writer *w)
{
	return seal(w, TAG_FINAL);
}

void
pz_archive_writer_free(struct pz_archive_writer *w)
{
	if (w == NULL)
		return;
	sodium_memzero(w, sizeof(*w));
	free(w);
}

/* ---- opening ---- */

enum stage { AT_HEAD, AT_STREAM, AT_CHECK, AT_PIECES, AT_END };

struct pz_archive_reader {
	crypto_secretstream_xchacha20poly1305_state stream;
	uint8_t key[PZ_ARCHIVE_KEY_BYTES];
	uint8_t head[PZ_ARCHIVE_HEAD_BYTES];
	uint8_t in[PIECE_BYTES + SEAL_BYTES]; /* bytes collected for this stage */
	uint8_t piece[PIECE_BYTES];           /* its content */
	size_t len;                           /* bytes in `in` */
	uint64_t total;
	pz_archive_take take;
	void *arg;
	enum stage stage;
	enum pz_err failed; /* refuses everything after it */
};

struct pz_archive_reader *
pz_archive_reader_new(const uint8_t key[PZ_ARCHIVE_KEY_BYTES], pz_archive_take take, void *arg)
{
	struct pz_archive_reader *r = sodium_init() < 0 ? NULL : calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	memcpy(r->key, key, sizeof(r->key));
	r->take = take;
	r->arg = arg;
	return r;
}

/* Errors: CRYPTO at the check piece, PROTO after it. */
static enum pz_err
unseal(struct pz_archive_reader *r, uint8_t *out_tag, struct pz_errinfo *info)
{
	if (crypto_secretstream_xchacha20poly1305_pull(&r->stream, r->piece, NULL, out_tag, r->in,
						       r->len, r->head, sizeof(r->head)) == 0)
		return PZ_OK;
	if (r->stage == AT_CHECK)
		return pz_fail(info, PZ_ERR_CRYPTO,
			       "wrong passphrase, or the archive is damaged (both look the same)");
	return pz_fail(info, PZ_ERR_PROTO,
		       "the archive is damaged or cut short (the passphrase is right)");
}

static enum pz_err
open_piece(struct pz_archive_reader *r, struct pz_errinfo *info)
{
	uint8_t tag = TAG_MESSAGE;
	size_t len = r->len - SEAL_BYTES;

	PZ_TRY(unseal(r, &tag, info));
	/* No other tag is ever written, and no tag ends or rekeys the stream early. */
	if (tag != TAG_MESSAGE && tag != TAG_FINAL)
		return pz_fail(info, PZ_ERR_PROTO, "the archive has a piece of an unknown kind");
	r->stage = tag == TAG_FINAL ? AT_END : AT_PIECES;
	enum pz_err err = len ? r->take(r->arg, pz_slice_of(r->piece, len), info) : PZ_OK;
	sodium_memzero(r->piece, len);
	return err;
}

/* How many bytes the stage collects. The last piece may have fewer. */
static size_t
stage_bytes(const struct pz_archive_reader *r)
{
	switch (r->stage) {
	case AT_HEAD:
		return PZ_ARCHIVE_HEAD_BYTES;
	case AT_STREAM:
		return STREAM_BYTES;
	case AT_CHECK:
		return SEAL_BYTES;
	case AT_PIECES:
	case AT_END:
		break;
	}
	return sizeof(r->in);
}

/* Called when all bytes of this stage are collected. */
static enum pz_err
end_stage(struct pz_archive_reader *r, struct pz_errinfo *info)
{
	switch (r->stage) {
	case AT_HEAD:
		PZ_TRY(pz_archive_head_check(pz_slice_of(r->in, r->len), info));
		memcpy(r->head, r->in, sizeof(r->head));
		r->stage = AT_STREAM;
		break;
	case AT_STREAM:
		(void)crypto_secretstream_xchacha20poly1305_init_pull(&r->stream, r->in, r->key);
		r->stage = AT_CHECK;
		break;
	case AT_CHECK:
	case AT_PIECES:
		PZ_TRY(open_piece(r, info));
		break;
	case AT_END:
		break;
	}
	r->len = 0;
	return PZ_OK;
}

static enum pz_err
read_some(struct pz_archive_reader *r, struct pz_slice bytes, struct pz_errinfo *info)
{
	r->total += bytes.len;
	if (r->total > PZ_ARCHIVE_BYTES_MAX)
		return pz_fail(info, PZ_ERR_LIMIT, "the archive is longer than %u MiB",
			       PZ_ARCHIVE_BYTES_MAX >> 20);
	while (bytes.len > 0) {
		size_t missing = stage_bytes(r) - r->len;
		size_t len = bytes.len < missing ? bytes.len : missing;

		if (r->stage == AT_END)
			return pz_fail(info, PZ_ERR_PROTO, "data follows the end of the archive");
		memcpy(r->in + r->len, bytes.ptr, len);
		r->len += len;
		bytes = pz_slice_of(bytes.ptr + len, bytes.len - len);
		if (len == missing)
			PZ_TRY(end_stage(r, info));
	}
	return PZ_OK;
}

static enum pz_err
refuse(const struct pz_archive_reader *r, struct pz_errinfo *info)
{
	return pz_fail(info, r->failed, "the archive was refused already");
}

enum pz_err
pz_archive_read(struct pz_archive_reader *r, struct pz_slice bytes, struct pz_errinfo *info)
{
	if (r->failed != PZ_OK)
		return refuse(r, info);
	r->failed = read_some(r, bytes, info);
	return r->failed;
}

/* Only the last piece is opened before it is full. */
static enum pz_err
read_rest(struct pz_archive_reader *r, struct pz_errinfo *info)
{
	if (r->stage == AT_HEAD)
		PZ_TRY(pz_archive_head_check(pz_slice_of(r->in, r->len), info));
	if (r->stage == AT_PIECES && r->len >= SEAL_BYTES)
		PZ_TRY(open_piece(r, info));
	return r->stage == AT_END ? PZ_OK : pz_fail(info, PZ_ERR_PROTO, "the archive is cut short");
}

enum pz_err
pz_archive_read_end(struct pz_archive_reader *r, struct pz_errinfo *info)
{
	if (r->failed != PZ_OK)
		return refuse(r, info);
	r->failed = read_rest(r, info);
	return r->failed;
}

void
pz_archive_reader_free(struct pz_archive_reader *r)
{
	if (r == NULL)
		return;
	sodium_memzero(r, sizeof(*r));
	free(r);
}
