/*
 * A friend is signed over its values, not over its JSON, as notices are (zone/notice.c): devices
 * parse it, store it and pass it on, so the signature must not depend on how an encoder writes it.
 * It is made once and stored, so that a restarted hub sends its devices the same bytes.
 */
#include "friends/friend.h"

#include <inttypes.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "base/host.h"
#include "record/record.h"
#include "wire/address.h"
#include "wire/json.h"

#define PROTOCOL "pz-friend/1"
#define WORDS_BYTES_MAX 2048 /* two zones, a name, a host, a device, two hashes, five numbers */

/* ---- one friend ---- */

/* Self-signed, strong, and of this zone: checked by a trust set that contains only this CA. */
static enum pz_err
check_ca(const char *zone, const struct pz_cert *ca, struct pz_errinfo *info)
{
	char named[PZ_ZONE_BYTES_MAX + 1], device[PZ_DEVICE_BYTES_MAX + 1];

	if (pz_cert_identity(ca, named, device) != PZ_OK || device[0] || strcmp(named, zone) != 0)
		return pz_fail(info, PZ_ERR_DENIED_IDENTITY,
			       "friend %s: the certificate is not that of its hub", zone);
	PZ_AUTO(pz_trust_free) struct pz_trust *alone = pz_trust_new();
	if (alone == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	return pz_trust_add(alone, ca, NULL, info);
}

enum pz_err
pz_friend_new(const char *zone, struct pz_cert *ca, struct pz_friend **out, struct pz_errinfo *info)
{
	if (!pz_zone_is_valid(pz_slice_str(zone)))
		return pz_fail(info, PZ_ERR_PROTO_ADDRESS, "a friend's zone is not valid");
	PZ_TRY(check_ca(zone, ca, info));
	struct pz_friend *f = calloc(1, sizeof(*f));
	if (f == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	snprintf(f->zone, sizeof(f->zone), "%s", zone);
	f->ca = pz_cert_ref(ca);
	*out = f;
	return PZ_OK;
}

/* Certificate and list are shared references; they never change. */
struct pz_friend *
pz_friend_copy(const struct pz_friend *f)
{
	struct pz_friend *copy = malloc(sizeof(*copy));

	if (copy == NULL)
		return NULL;
	*copy = *f;
	copy->ca = pz_cert_ref(f->ca);
	copy->crl = f->crl ? pz_crl_ref(f->crl) : NULL;
	return copy;
}

void
pz_friend_free(struct pz_friend *f)
{
	if (f == NULL)
		return;
	pz_cert_free(f->ca);
	pz_crl_free(f->crl);
	sodium_memzero(f->secret, sizeof(f->secret));
	free(f);
}

/* Verified by the friend's own CA, which is pinned: no other zone can change it. An older list is
 * refused. */
enum pz_err
pz_friend_set_crl(struct pz_friend *f, struct pz_crl *crl, struct pz_errinfo *info)
{
	PZ_TRY(pz_crl_verify(crl, f->ca, info));
	/* The same list is refused like an older one; the code differs from that of an invalid
	 * one. */
	if (f->crl && pz_crl_number(crl) <= pz_crl_number(f->crl))
		return pz_fail(info, PZ_ERR_EXISTS,
			       "friend %s: revocation list %" PRIu64 " is not newer than %" PRIu64,
			       f->zone, pz_crl_number(crl), pz_crl_number(f->crl));
	pz_crl_free(f->crl);
	f->crl = pz_crl_ref(crl);
	return PZ_OK;
}

/* ---- signature ---- */

/* The signed bytes: each part is preceded by its length, so that two statements never have the same
 * bytes. */
static enum pz_err
put_words(const struct pz_friend *f, const char *zone, struct pz_buf *out)
{
	char since[24], changed[24], port[8], number[24];
	char ca[2 * 32 + 1], secret[2 * PZ_FRIEND_SECRET_BYTES + 1];
	uint8_t fingerprint[32];

	pz_cert_fingerprint(f->ca, fingerprint);
	pz_hex_encode(fingerprint, sizeof(fingerprint), ca);
	pz_hex_encode(f->secret, sizeof(f->secret), secret);
	snprintf(since, sizeof(since), "%" PRIu64, f->since_ms);
	snprintf(changed, sizeof(changed), "%" PRIu64, f->changed_ms);
	snprintf(port, sizeof(port), "%u", (unsigned)f->port);
	snprintf(number, sizeof(number), "%" PRIu64, f->number);
	const struct pz_slice parts[] = {
		pz_slice_str(PROTOCOL),        pz_slice_str(zone),    pz_slice_str(f->zone),
		pz_slice_str(f->display_name), pz_slice_str(ca),      pz_slice_str(secret),
		pz_slice_str(since),           pz_slice_str(changed), pz_slice_str(f->by),
		pz_slice_str(f->host),         pz_slice_str(port),    pz_slice_str(number),
	};

	enum pz_err err = pz_lv_cat(out, parts, sizeof(parts) / sizeof(parts[0]));
	sodium_memzero(secret, sizeof(secret));
	return err;
}

/* Signed with the key of our own zone, for our own devices: it states that both owners have
 * confirmed this CA. The list has the friend's signature and is not included. */
enum pz_err
pz_friend_sign(struct pz_friend *f, const char *zone, const struct pz_key *ca_key)
{
	struct pz_buf words;

	pz_buf_init(&words, WORDS_BYTES_MAX, NULL);
	enum pz_err err = put_words(f, zone, &words);
	if (err == PZ_OK)
		err = pz_key_sign_text(ca_key, pz_buf_slice(&words), f->sig);
	pz_buf_wipe(&words);
	return err;
}

enum pz_err
pz_friend_check(const struct pz_friend *f, const char *zone, const struct pz_cert *ca,
		struct pz_errinfo *info)
{
	struct pz_buf words;

	pz_buf_init(&words, WORDS_BYTES_MAX, NULL);
	enum pz_err err = put_words(f, zone, &words);
	if (err == PZ_OK)
		err = pz_cert_verify_signature_text(ca, pz_buf_slice(&words), f->sig);
	pz_buf_wipe(&words);
	if (err == PZ_OK)
		return PZ_OK;
	return pz_fail(info, err == PZ_ERR_LIMIT_MEMORY ? err : PZ_ERR_DENIED_CHAIN,
		       "friend %s: not signed by the CA of zone %s", f->zone, zone);
}

/* ---- text ---- */

/* Members are sorted, so a friend has the same text after each start; the secret is wiped from tree
 * and text. */
char *
pz_friend_text(const struct pz_friend *f)
{
	json_t *ca = pz_record_cert(f->ca);
	char *secret = pz_record_secret_text(f->secret);
	json_t *object =
		ca && secret
			? json_pack("{s:s, s:s, s:O, s:s, s:I, s:I, s:b, s:b, s:s, s:s, s:i, s:I, "
				    "s:s}",
				    "zone", f->zone, "displayName", f->display_name, "ca", ca,
				    "secret", secret, "since", (json_int_t)f->since_ms, "changed",
				    (json_int_t)f->changed_ms, "confirmedHere",
				    f->is_confirmed_here, "confirmedThere", f->is_confirmed_there,
				    "by", f->by, "host", f->host, "port", (int)f->port, "number",
				    (json_int_t)f->number, "sig", f->sig)
			: NULL;
	char *text = object ? json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

	pz_record_wipe(object, "secret");
	json_decref(object);
	json_decref(ca);
	pz_record_text_wipe(secret);
	return text;
}

static enum pz_err
wrong_member(struct pz_errinfo *info, const char *name)
{
	return pz_fail(info, PZ_ERR_PROTO_MEMBER, "text of a friend: member %s is missing or wrong",
		       name);
}

static bool
read_string(const json_t *object, const char *name, char *out, size_t size)
{
	const char *text = pz_json_str(object, name);

	if (text == NULL || strlen(text) >= size)
		return false;
	memcpy(out, text, strlen(text) + 1);
	return true;
}

static bool
read_time(const json_t *object, const char *name, uint64_t *out)
{
	int64_t value = 0;

	if (!pz_json_int(object, name, 0, (int64_t)PZ_SYNC_TIME_MS_MAX, &value))
		return false;
	*out = (uint64_t)value;
	return true;
}

static enum pz_err
read_times(const json_t *object, struct pz_friend *f, struct pz_errinfo *info)
{
	const json_t *here = json_object_get(object, "confirmedHere");
	const json_t *there = json_object_get(object, "confirmedThere");

	if (!read_time(object, "since", &f->since_ms))
		return wrong_member(info, "since");
	if (!read_time(object, "changed", &f->changed_ms))
		return wrong_member(info, "changed");
	if (!read_time(object, "number", &f->number))
		return wrong_member(info, "number");
	if (!json_is_boolean(here) || !json_is_boolean(there))
		return wrong_member(info, "confirmedHere or confirmedThere");
	f->is_confirmed_here = json_is_true(here);
	f->is_confirmed_there = json_is_true(there);
	/* A date means that the friendship is complete, so both must have confirmed. */
	if (f->since_ms > 0 && !(f->is_confirmed_here && f->is_confirmed_there))
		return wrong_member(info, "since");
	return PZ_OK;
}

/* A host without a port, or the reverse, is not a usable address. */
static enum pz_err
read_place(const json_t *object, struct pz_friend *f, struct pz_errinfo *info)
{
	int64_t port = 0;

	if (!read_string(object, "host", f->host, sizeof(f->host)) ||
	    (f->host[0] && !pz_host_is_valid(f->host)))
		return wrong_member(info, "host");
	if (!pz_json_int(object, "port", 0, UINT16_MAX, &port) || (port > 0) != (f->host[0] != 0))
		return wrong_member(info, "port");
	f->port = (uint16_t)port;
	return PZ_OK;
}

static enum pz_err
read_rest(const json_t *object, struct pz_friend *f, struct pz_errinfo *info)
{
	const char *secret = pz_json_str(object, "secret");

	if (!read_string(object, "displayName", f->display_name, sizeof(f->display_name)) ||
	    !pz_display_name_is_valid(pz_slice_str(f->display_name)))
		return wrong_member(info, "displayName");
	if (secret == NULL || pz_record_secret_read(pz_slice_str(secret), f->secret) != PZ_OK)
		return wrong_member(info, "secret");
	if (!read_string(object, "by", f->by, sizeof(f->by)) ||
	    (f->by[0] && !pz_device_is_valid(pz_slice_str(f->by))))
		return wrong_member(info, "by");
	if (!read_string(object, "sig", f->sig, sizeof(f->sig)))
		return wrong_member(info, "sig");
	PZ_TRY(read_times(object, f, info));
	return read_place(object, f, info);
}

/* The certificate comes first: pz_friend_new refuses one of another zone, and then the rest is not
 * read. */
static enum pz_err
read_friend(const json_t *object, struct pz_friend **out, struct pz_errinfo *info)
{
	const char *zone = pz_json_str(object, "zone"), *pem = pz_json_str(object, "ca");
	PZ_AUTO(pz_cert_free) struct pz_cert *ca = NULL;
	PZ_AUTO(pz_friend_free) struct pz_friend *f = NULL;

	if (zone == NULL)
		return wrong_member(info, "zone");
	if (pem == NULL)
		return wrong_member(info, "ca");
	PZ_TRY(pz_cert_from_pem(pz_slice_str(pem), &ca, info));
	PZ_TRY(pz_friend_new(zone, ca, &f, info));
	PZ_TRY(read_rest(object, f, info));
	*out = PZ_TAKE(f);
	return PZ_OK;
}

enum pz_err
pz_friend_parse(struct pz_slice text, struct pz_friend **out, struct pz_errinfo *info)
{
	if (text.len > PZ_FRIEND_TEXT_BYTES_MAX)
		return pz_fail(info, PZ_ERR_LIMIT, "text of a friend: longer than %u bytes",
			       PZ_FRIEND_TEXT_BYTES_MAX);
	json_t *object = pz_json_parse(text, NULL);
	enum pz_err err = json_is_object(object) ? read_friend(object, out, info)
						 : pz_fail(info, PZ_ERR_PROTO_JSON,
							   "text of a friend: no JSON object");
	pz_record_wipe(object, "secret");
	json_decref(object);
	return err;
}
