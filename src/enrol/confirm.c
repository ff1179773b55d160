/*
 * Key confirmation of the enrolment (page 3): with an HMAC each side proves that CPace gave it the
 * same key, and so that it knows the code. The exchange itself is in device.c and hub.c.
 */
#include "enrol/confirm.h"

#include <sodium.h>
#include <string.h>

#include "base/codec.h"

_Static_assert(PZ_ENROL_TAG_BYTES == crypto_auth_hmacsha512_BYTES, "HMAC-SHA-512");
_Static_assert(PZ_CPACE_SHARE_BYTES < 128, "a share's LEB128 length takes one byte");

#define PROTOCOL "pz-enrol/1"
#define KC_LABEL "pz-enrol/1 confirm"

enum pz_err
pz_enrol_channel_id(const char *zone, const char *device, struct pz_buf *out)
{
	const struct pz_slice parts[] = {
		pz_slice_str(PROTOCOL),
		pz_slice_str(zone),
		pz_slice_str(device),
	};
	return pz_lv_cat(out, parts, sizeof(parts) / sizeof(parts[0]));
}

/* Writes lv_cat(share, "") and returns the position after it. The transcript of draft-irtf-cfrg-
 * cpace, with empty associated data. */
static uint8_t *
put_share(uint8_t *at, const uint8_t share[PZ_CPACE_SHARE_BYTES])
{
	*at++ = PZ_CPACE_SHARE_BYTES;
	memcpy(at, share, PZ_CPACE_SHARE_BYTES);
	at += PZ_CPACE_SHARE_BYTES;
	*at++ = 0; /* the associated data is empty */
	return at;
}

void
pz_enrol_confirm_init(struct pz_enrol_confirm *confirm, const uint8_t isk[PZ_CPACE_ISK_BYTES],
		      const uint8_t ya[PZ_CPACE_SHARE_BYTES],
		      const uint8_t yb[PZ_CPACE_SHARE_BYTES])
{
	crypto_auth_hmacsha512_state hmac;
	crypto_auth_hmacsha512_init(&hmac, isk, PZ_CPACE_ISK_BYTES);
	crypto_auth_hmacsha512_update(&hmac, (const uint8_t *)KC_LABEL, sizeof(KC_LABEL) - 1);
	crypto_auth_hmacsha512_final(&hmac, confirm->kc);
	/* The state keeps a copy of the key. */
	sodium_memzero(&hmac, sizeof(hmac));

	put_share(put_share(confirm->transcript, ya), yb);
}

/** HMAC-SHA-512(Kc, role || T || more). */
static void
tag(const struct pz_enrol_confirm *confirm, uint8_t role, struct pz_slice more, uint8_t *out)
{
	crypto_auth_hmacsha512_state hmac;
	crypto_auth_hmacsha512_init(&hmac, confirm->kc, sizeof(confirm->kc));
	crypto_auth_hmacsha512_update(&hmac, &role, 1);
	crypto_auth_hmacsha512_update(&hmac, confirm->transcript, sizeof(confirm->transcript));
	crypto_auth_hmacsha512_update(&hmac, more.ptr, more.len);
	crypto_auth_hmacsha512_final(&hmac, out);
	sodium_memzero(&hmac, sizeof(hmac));
}

/* The device's tag covers its certificate request: with a right code but a changed request the tags
 * differ, so the hub signs only what the device requested. */
void
pz_enrol_confirm_tag_a(const struct pz_enrol_confirm *confirm, struct pz_slice csr,
		       uint8_t out_tag[PZ_ENROL_TAG_BYTES])
{
	uint8_t digest[crypto_hash_sha256_BYTES];
	crypto_hash_sha256(digest, csr.ptr, csr.len);
	tag(confirm, 'A', pz_slice_of(digest, sizeof(digest)), out_tag);
}

void
pz_enrol_confirm_tag_b(const struct pz_enrol_confirm *confirm, uint8_t out_tag[PZ_ENROL_TAG_BYTES])
{
	/* not NULL: libsodium hands the pointer to memcpy */
	tag(confirm, 'B', pz_slice_of("", 0), out_tag);
}

/* In constant time: the time must not show how many bytes of a guess are right. */
bool
pz_enrol_confirm_is_equal(const uint8_t a[PZ_ENROL_TAG_BYTES], const uint8_t b[PZ_ENROL_TAG_BYTES])
{
	return sodium_memcmp(a, b, PZ_ENROL_TAG_BYTES) == 0;
}

void
pz_enrol_confirm_wipe(struct pz_enrol_confirm *confirm)
{
	sodium_memzero(confirm, sizeof(*confirm));
}
