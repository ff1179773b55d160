/*
 * A notice is signed over its values, not over its JSON: several nodes parse it, pass it on and
 * encode it again, and no two encoders have to agree. The number orders notices; it is a time in
 * milliseconds, but always higher than the one before.
 */
#include "zone/notice.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/codec.h"
#include "base/host.h"
#include "wire/address.h"
#include "wire/json.h"

#define PROTOCOL "pz-moved/1"
#define WORDS_BYTES_MAX 1024 /* protocol, zone, host, two numbers, their lengths */

void
pz_hub_address_set(struct pz_hub_address *out, const char *host, uint16_t port)
{
	snprintf(out->host, sizeof(out->host), "%s", host);
	out->port = port;
}

bool
pz_hub_address_eq(const struct pz_hub_address *a, const struct pz_hub_address *b)
{
	return a->port == b->port && strcasecmp(a->host, b->host) == 0;
}

/* The signed bytes: each part with its length, so that no two notices have the same bytes. */
static enum pz_err
put_words(const struct pz_hub_notice *n, struct pz_buf *out)
{
	char port[8], number[24];

	snprintf(port, sizeof(port), "%u", (unsigned)n->at.port);
	snprintf(number, sizeof(number), "%" PRIu64, n->number);
	const struct pz_slice parts[] = {
		pz_slice_str(PROTOCOL), pz_slice_str(n->zone), pz_slice_str(n->at.host),
		pz_slice_str(port),     pz_slice_str(number),
	};

	return pz_lv_cat(out, parts, sizeof(parts) / sizeof(parts[0]));
}

static enum pz_err
sign(struct pz_hub_notice *n, const struct pz_key *ca_key)
{
	struct pz_buf words;

	pz_buf_init(&words, WORDS_BYTES_MAX, NULL);
	enum pz_err err = put_words(n, &words);
	if (err == PZ_OK)
		err = pz_key_sign_text(ca_key, pz_buf_slice(&words), n->sig);
	pz_buf_fini(&words);
	return err;
}

enum pz_err
pz_hub_notice_make(const char *zone, const struct pz_hub_address *at, uint64_t number,
		   const struct pz_key *ca_key, struct pz_hub_notice *out, struct pz_errinfo *info)
{
	struct pz_hub_notice made = {.at = *at, .number = number};

	if (!pz_host_is_valid(at->host) || at->port == 0)
		return pz_fail(info, PZ_ERR_CONFIG,
			       "'%s' port %u is no address of a hub: give a DNS name or an IP "
			       "address, and a port from 1 to 65535",
			       at->host, (unsigned)at->port);
	snprintf(made.zone, sizeof(made.zone), "%s", zone);
	enum pz_err err = sign(&made, ca_key);
	if (err != PZ_OK)
		return pz_fail(info, err, "cannot sign the notice of the hub's address: %s",
			       pz_err_text(err));
	*out = made;
	return PZ_OK;
}

json_t *
pz_hub_notice_json(const struct pz_hub_notice *n)
{
	return json_pack("{s:s, s:s, s:i, s:I, s:s}", "zone", n->zone, "host", n->at.host, "port",
			 (int)n->at.port, "number", (json_int_t)n->number, "sig", n->sig);
}

enum pz_err
pz_hub_notice_parse(const json_t *object, struct pz_hub_notice *out, struct pz_errinfo *info)
{
	const char *zone = pz_json_str(object, "zone"), *host = pz_json_str(object, "host");
	const char *sig = pz_json_str(object, "sig");
	int64_t port = 0, number = 0;
	struct pz_hub_notice n = {.number = 0};

	if (!zone || !host || !sig || !pz_json_int(object, "port", 1, UINT16_MAX, &port) ||
	    !pz_json_int(object, "number", 1, (int64_t)PZ_SYNC_TIME_MS_MAX, &number))
		return pz_fail(info, PZ_ERR_PROTO_MEMBER,
			       "notice of a hub's address: a member is missing or wrong");
	if (!pz_zone_is_valid(pz_slice_str(zone)) || !pz_host_is_valid(host))
		return pz_fail(info, PZ_ERR_PROTO_ADDRESS,
			       "notice of a hub's address: no zone or no host");
	if (strlen(sig) > PZ_SIGNATURE_CHARS_MAX)
		return pz_fail(info, PZ_ERR_LIMIT,
			       "notice of a hub's address: the signature is too long");
	snprintf(n.zone, sizeof(n.zone), "%s", zone);
	snprintf(n.sig, sizeof(n.sig), "%s", sig);
	pz_hub_address_set(&n.at, host, (uint16_t)port);
	n.number = (uint64_t)number;
	*out = n;
	return PZ_OK;
}

enum pz_err
pz_hub_notice_check(const struct pz_hub_notice *n, const char *zone, const struct pz_cert *ca,
		    struct pz_errinfo *info)
{
	struct pz_buf words;

	if (strcmp(n->zone, zone) != 0)
		return pz_fail(info, PZ_ERR_DENIED_IDENTITY,
			       "notice of a hub's address: of zone %s, not of ours", n->zone);
	pz_buf_init(&words, WORDS_BYTES_MAX, NULL);
	enum pz_err err = put_words(n, &words);
	if (err == PZ_OK)
		err = pz_cert_verify_signature_text(ca, pz_buf_slice(&words), n->sig);
	pz_buf_fini(&words);
	if (err != PZ_OK)
		return pz_fail(info, err,
			       "notice of a hub's address: not signed by the CA of zone %s", zone);
	return PZ_OK;
}
