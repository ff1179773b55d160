/*
 * A device's consent to be relayed: it signs its name, the relay's name and the time with its TLS
 * key, and adds its certificates. The relay passes it on, and the hub verifies it without having
 * seen the device: chain first, then signature. A consent is bound to one relay and
 * PZ_ATTEST_AGE_MS, so it cannot be used by another relay or kept for later.
 */
#include "zone/attest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/codec.h"
#include "record/record.h"
#include "wire/address.h"
#include "wire/json.h"

#define PROTOCOL "pz-behind/1"
#define WORDS_BYTES_MAX 1024 /* protocol, zone, two devices, a number, their lengths */
#define SIGNATURE_CHARS_MAX (4 * (PZ_SIGNATURE_BYTES_MAX + 2) / 3)

/* What is signed: each part with its length, so that no two statements have the same bytes. */
static enum pz_err
put_words(const char *zone, const char *device, const char *relay, uint64_t at_ms,
	  struct pz_buf *out)
{
	char at[24];
	snprintf(at, sizeof(at), "%" PRIu64, at_ms);
	const struct pz_slice parts[] = {
		pz_slice_str(PROTOCOL), pz_slice_str(zone), pz_slice_str(device),
		pz_slice_str(relay),    pz_slice_str(at),
	};

	return pz_lv_cat(out, parts, sizeof(parts) / sizeof(parts[0]));
}

/* ---- making ---- */

static enum pz_err
sign(const struct pz_membership *m, const char *relay, uint64_t at_ms, char **out)
{
	struct pz_buf words, signature;

	pz_buf_init(&words, WORDS_BYTES_MAX, NULL);
	pz_buf_init(&signature, PZ_SIGNATURE_BYTES_MAX, NULL);
	enum pz_err err = put_words(m->zone, m->device, relay, at_ms, &words);
	if (err == PZ_OK)
		err = pz_key_sign(m->tls_key, pz_buf_slice(&words), &signature);
	if (err == PZ_OK) {
		*out = pz_base64_encode(pz_buf_slice(&signature));
		err = *out ? PZ_OK : PZ_ERR_LIMIT_MEMORY;
	}
	pz_buf_fini(&signature);
	pz_buf_fini(&words);
	return err;
}

enum pz_err
pz_attest_make(const struct pz_membership *m, const char *relay, const struct pz_env *env,
	       json_t **out)
{
	uint64_t at_ms = pz_env_wall_ms(env);
	char *signature = NULL;

	if (!pz_device_is_valid(pz_slice_str(relay)) || strcmp(relay, m->device) == 0)
		return PZ_ERR_PROTO_ADDRESS;
	PZ_TRY(sign(m, relay, at_ms, &signature));
	json_t *made = json_pack("{s:s, s:s, s:I, s:o, s:o, s:s}", "device", m->device, "relay",
				 relay, "at", (json_int_t)at_ms, "tls", pz_record_cert(m->tls),
				 "ca", pz_record_cert(m->device_ca), "sig", signature);
	free(signature);
	if (made == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	*out = made;
	return PZ_OK;
}

/* ---- checking ---- */

enum pz_err
pz_attest_parse(const json_t *attestation, struct pz_attest *out, struct pz_errinfo *info)
{
	int64_t at = 0;
	struct pz_attest a = {
		.device = pz_json_str(attestation, "device"),
		.relay = pz_json_str(attestation, "relay"),
		.tls = pz_json_str(attestation, "tls"),
		.ca = pz_json_str(attestation, "ca"),
		.sig = pz_json_str(attestation, "sig"),
	};

	if (!a.device || !a.relay || !a.tls || !a.ca || !a.sig ||
	    !pz_json_int(attestation, "at", 0, INT64_MAX, &at))
		return pz_fail(info, PZ_ERR_PROTO_MEMBER,
			       "attestation: a member is missing or of the wrong type");
	if (!pz_device_is_valid(pz_slice_str(a.device)) ||
	    !pz_device_is_valid(pz_slice_str(a.relay)))
		return pz_fail(info, PZ_ERR_PROTO_ADDRESS, "attestation: no device name");
	if (strcmp(a.device, a.relay) == 0)
		return pz_fail(info, PZ_ERR_PROTO_ADDRESS, "attestation: %s behind itself",
			       a.device);
	if (strlen(a.tls) > PZ_CERT_PEM_BYTES_MAX || strlen(a.ca) > PZ_CERT_PEM_BYTES_MAX ||
	    strlen(a.sig) > SIGNATURE_CHARS_MAX)
		return pz_fail(info, PZ_ERR_LIMIT, "attestation: a text is too long");
	a.at_ms = (uint64_t)at;
	*out = a;
	return PZ_OK;
}

/* Printable ASCII and line feeds: it grows by a few bytes when it is written again. */
static bool
is_armour(const char *text)
{
	for (; *text; text++)
		if ((*text < ' ' || *text > '~') && *text != '\n')
			return false;
	return true;
}

/* Only the known members are copied, so a peer cannot make us pass on more. */
json_t *
pz_attest_copy(const json_t *attestation)
{
	struct pz_errinfo ignored;
	struct pz_attest a;

	if (pz_attest_parse(attestation, &a, &ignored) != PZ_OK || !is_armour(a.tls) ||
	    !is_armour(a.ca) || !is_armour(a.sig))
		return NULL;
	return json_pack("{s:s, s:s, s:I, s:s, s:s, s:s}", "device", a.device, "relay", a.relay,
			 "at", (json_int_t)a.at_ms, "tls", a.tls, "ca", a.ca, "sig", a.sig);
}

/* With the key of the device's TLS certificate, which check_proof has verified. */
static enum pz_err
check_signature(const struct pz_attest *a, const char *zone, const struct pz_cert *leaf,
		struct pz_errinfo *info)
{
	struct pz_buf words, signature;

	pz_buf_init(&words, WORDS_BYTES_MAX, NULL);
	pz_buf_init(&signature, PZ_SIGNATURE_BYTES_MAX, NULL);
	enum pz_err err = pz_base64_decode(pz_slice_str(a->sig), &signature);
	if (err == PZ_OK)
		err = put_words(zone, a->device, a->relay, a->at_ms, &words);
	if (err == PZ_OK)
		err = pz_cert_verify_signature(leaf, pz_buf_slice(&words),
					       pz_buf_slice(&signature));
	pz_buf_fini(&signature);
	pz_buf_fini(&words);
	if (err != PZ_OK)
		return pz_fail(info, err, "attestation of %s: the signature is not its own",
			       a->device);
	return PZ_OK;
}

/* The chain first: no signature is checked with a key that the zone has not certified. */
static enum pz_err
check_proof(const struct pz_attest *a, const struct pz_trust *trust, const char *zone,
	    uint64_t wall_ms, struct pz_peer *out, struct pz_errinfo *info)
{
	const struct pz_expect expect = {zone, a->device, PZ_EXPECT_DEVICE};
	PZ_AUTO(pz_cert_free) struct pz_cert *leaf = NULL;
	PZ_AUTO(pz_cert_free) struct pz_cert *ca = NULL;
	struct pz_peer peer;

	PZ_TRY(pz_cert_from_pem(pz_slice_str(a->tls), &leaf, info));
	PZ_TRY(pz_cert_from_pem(pz_slice_str(a->ca), &ca, info));
	PZ_TRY(pz_verify_device(trust, leaf, ca, &expect, wall_ms, &peer, info));
	PZ_TRY(check_signature(a, zone, leaf, info));
	*out = peer;
	return PZ_OK;
}

enum pz_err
pz_attest_check(const struct pz_attest *a, const struct pz_trust *trust, const char *zone,
		const char *relay, uint64_t wall_ms, struct pz_peer *out, struct pz_errinfo *info)
{
	uint64_t apart_ms = a->at_ms > wall_ms ? a->at_ms - wall_ms : wall_ms - a->at_ms;

	if (strcmp(a->relay, relay) != 0)
		return pz_fail(info, PZ_ERR_DENIED_IDENTITY, "attestation of %s: for relay %s",
			       a->device, a->relay);
	if (apart_ms > PZ_ATTEST_AGE_MS)
		return pz_fail(info, PZ_ERR_DENIED_EXPIRED, "attestation of %s: %s", a->device,
			       a->at_ms > wall_ms ? "from the future" : "too old");
	return check_proof(a, trust, zone, wall_ms, out, info);
}
