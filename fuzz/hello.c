/*
 * Target functions: pz_tls_hello_label, pz_tls_hello_alpn, pz_tls_hello_identity, pz_tls_hello_key.
 * Input: byte 0: which extension; the rest: its body.
 * Must hold: a label is one DNS label in lower case, and nothing is written for a malformed one; an
 * ALPN list is accepted exactly when its lengths add up; so is the one key of a key_share, which is
 * then all of it but its head; a first identity is where the page of the RFC has it, and all
 * lengths after it add up.
 */
#include "fuzz.h"

#include "tls/ctx.h"
#include "tls/hello.h"

static void
check_label(struct pz_slice ext)
{
	char label[PZ_TLS_LABEL_BYTES] = "UNTOUCHED";

	if (pz_tls_hello_label(ext, label) != PZ_OK) {
		FUZZ_CHECK(strcmp(label, "UNTOUCHED") == 0);
		return;
	}
	size_t len = strnlen(label, sizeof(label));
	FUZZ_CHECK(len < sizeof(label));
	FUZZ_CHECK(strspn(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") == len);
	FUZZ_CHECK(len + 5 <= ext.len || (len == 0 && ext.len == 2));
}

/* RFC 7301 3.1, read another way. */
static bool
is_list(struct pz_slice ext, struct pz_tls_alpn *out)
{
	size_t at = 2;

	*out = (struct pz_tls_alpn){0};
	if (ext.len < 3 || ((size_t)ext.ptr[0] << 8 | ext.ptr[1]) != ext.len - 2)
		return false;
	while (at < ext.len) {
		size_t len = ext.ptr[at];
		if (len == 0 || len > ext.len - at - 1)
			return false;
		struct pz_slice name = pz_slice_of(ext.ptr + at + 1, len);
		out->zone |= pz_slice_eq_str(name, PZ_TLS_ALPN);
		out->enrol |= pz_slice_eq_str(name, PZ_TLS_ALPN_ENROL);
		out->pair |= pz_slice_eq_str(name, PZ_TLS_ALPN_PAIR);
		out->friend |= pz_slice_eq_str(name, PZ_TLS_ALPN_FRIEND);
		at += 1 + len;
	}
	return true;
}

static void
check_alpn(struct pz_slice ext)
{
	struct pz_tls_alpn got = {.zone = true, .enrol = true, .pair = true, .friend = true}, want;
	enum pz_err err = pz_tls_hello_alpn(ext, &got);

	FUZZ_CHECK((err == PZ_OK) == is_list(ext, &want));
	if (err != PZ_OK)
		FUZZ_CHECK(got.zone && got.enrol && got.pair && got.friend);
	else
		FUZZ_CHECK(got.zone == want.zone && got.enrol == want.enrol &&
			   got.pair == want.pair && got.friend == want.friend);
}

static size_t
number(struct pz_slice ext, size_t at)
{
	return (size_t)ext.ptr[at] << 8 | ext.ptr[at + 1];
}

/* RFC 8446 4.2.11, read another way. */
static bool
is_offer(struct pz_slice ext)
{
	size_t at = 2;

	if (ext.len < 2 || number(ext, 0) == 0 || number(ext, 0) > ext.len - 2)
		return false;
	size_t end = 2 + number(ext, 0);
	while (at < end) {
		if (end - at < 2 || number(ext, at) == 0 || end - at < 2 + number(ext, at) + 4)
			return false;
		at += 2 + number(ext, at) + 4;
	}
	return true;
}

static void
check_identity(struct pz_slice ext)
{
	struct pz_slice got = {0};
	enum pz_err err = pz_tls_hello_identity(ext, &got);

	FUZZ_CHECK((err == PZ_OK) == is_offer(ext));
	if (err != PZ_OK)
		FUZZ_CHECK(got.ptr == NULL);
	else
		FUZZ_CHECK(got.ptr == ext.ptr + 4 && got.len == number(ext, 2));
}

/* RFC 8446 4.2.8: length, group, length, key. */
static void
check_key(struct pz_slice ext)
{
	struct pz_slice got = {0};
	enum pz_err err = pz_tls_hello_key(ext, &got);
	bool is_one = ext.len > 6 && number(ext, 0) == ext.len - 2 && number(ext, 4) == ext.len - 6;

	FUZZ_CHECK((err == PZ_OK) == is_one);
	if (err != PZ_OK)
		FUZZ_CHECK(got.ptr == NULL);
	else
		FUZZ_CHECK(got.ptr == ext.ptr + 6 && got.len == ext.len - 6);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pz_slice ext = pz_slice_of(data, size);

	static void (*const checks[])(struct pz_slice ext) = {check_label, check_alpn,
							      check_identity, check_key};

	checks[fuzz_byte(&ext) % 4](ext);
	return 0;
}
