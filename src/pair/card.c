/*
 * How a device introduces itself when it pairs: a JSON text with names and certificates. Its bytes
 * are part of the commitment, so the text is kept as received, and never written anew from the
 * parsed values.
 *
 * Everything in a card is a claim. This file checks that the certificates belong together; the
 * exchange (pair.c) checks that the other side has their key. The name for people appears beside
 * the digits on a terminal, so control characters in it are replaced.
 */
#include "pair/card.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "base/utf8.h"
#include "wire/address.h"
#include "wire/json.h"
#include "x509/device_ca.h"
#include "x509/stranger.h"

/* A device without a zone has no unique name: the fingerprint of its key is added. */
static void
name_of_virgin(const char *device, const struct pz_cert *pzp_ca,
	       char out[PZ_PAIR_IDENTITY_BYTES_MAX + 1])
{
	uint8_t print[32];
	char hex[2 * sizeof(print) + 1];

	pz_cert_fingerprint(pzp_ca, print);
	pz_hex_encode(print, sizeof(print), hex);
	snprintf(out, PZ_PAIR_IDENTITY_BYTES_MAX + 1, "%s#%.*s", device, PZ_PAIR_PRINT_DIGITS, hex);
}

/* The identity decides which of two connections is used, so both sides must compute the same one
 * from the card. */
static void
set_identity(struct pz_pair_card *card)
{
	if (card->zone[0])
		snprintf(card->identity, sizeof(card->identity), "%s/%s", card->zone, card->device);
	else
		name_of_virgin(card->device, card->pzp_ca, card->identity);
}

/* ---- making ---- */

static json_t *
pem_of(const struct pz_cert *cert)
{
	struct pz_buf pem;
	json_t *text = NULL;

	if (cert == NULL)
		return json_null();
	pz_buf_init(&pem, PZ_CERT_PEM_BYTES_MAX, NULL);
	if (pz_cert_to_pem(cert, &pem) == PZ_OK)
		text = json_stringn((const char *)pz_buf_slice(&pem).ptr, pz_buf_slice(&pem).len);
	pz_buf_fini(&pem);
	return text;
}

/* The maker checks the length too: the longest names must not make a card that every other device
 * refuses. */
static enum pz_err
put_text(struct pz_pair_card *card)
{
	json_t *object =
		json_pack("{s:s?, s:s, s:s, s:o, s:o}", "zone", card->zone[0] ? card->zone : NULL,
			  "device", card->device, "displayName", card->display_name, "pzhCa",
			  pem_of(card->pzh_ca), "pzpCa", pem_of(card->pzp_ca));

	card->text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	json_decref(object);
	if (card->text == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	return strlen(card->text) <= PZ_PAIR_INFO_BYTES_MAX ? PZ_OK : PZ_ERR_LIMIT;
}

enum pz_err
pz_pair_card_make(const struct pz_pair_card_parts *parts, struct pz_pair_card *out)
{
	struct pz_pair_card card = {.text = NULL};

	snprintf(card.zone, sizeof(card.zone), "%s", parts->zone ? parts->zone : "");
	snprintf(card.device, sizeof(card.device), "%s", parts->device);
	snprintf(card.display_name, sizeof(card.display_name), "%s", parts->display_name);
	card.pzh_ca = parts->pzh_ca ? pz_cert_ref(parts->pzh_ca) : NULL;
	card.pzp_ca = pz_cert_ref(parts->pzp_ca);
	set_identity(&card);
	enum pz_err err = put_text(&card);
	if (err != PZ_OK) {
		pz_pair_card_fini(&card);
		return err;
	}
	*out = card;
	return PZ_OK;
}

/* ---- reading ---- */

/* It appears on a terminal, beside the digits. */
static void
clean_name(struct pz_pair_card *card, const char *name)
{
	size_t len = name ? strlen(name) : 0, at = 0;

	if (len == 0 || len > PZ_DISPLAY_NAME_BYTES_MAX)
		name = card->device;
	snprintf(card->display_name, sizeof(card->display_name), "%s", name);
	len = strlen(card->display_name);
	while (at < len) {
		uint8_t *p = (uint8_t *)card->display_name + at;
		size_t bytes = pz_utf8_char(p, len - at);
		size_t shown = pz_utf8_printable_char(p, len - at);
		if (bytes == 0)
			bytes = 1;
		if (shown == 0)
			memset(p, '?', bytes);
		at += bytes;
	}
}

static enum pz_err
read_cert(const json_t *object, const char *key, struct pz_cert **out, struct pz_errinfo *info)
{
	const char *pem = pz_json_str(object, key);

	if (pem == NULL)
		return pz_fail(info, PZ_ERR_PROTO, "its info lacks `%s`", key);
	return pz_cert_from_pem(pz_slice_str(pem), out, info);
}

/* `zone` must be present, as a text or null: a card without it could be read in two ways. */
static enum pz_err
read_members(const json_t *object, uint64_t wall_ms, struct pz_pair_card *card,
	     struct pz_errinfo *info)
{
	const json_t *zone_value = json_object_get(object, "zone");
	const char *zone = pz_json_text(zone_value), *device = pz_json_str(object, "device");

	if (device == NULL || !pz_device_is_valid(pz_slice_str(device)))
		return pz_fail(info, PZ_ERR_PROTO, "its info names no device");
	if (zone == NULL && !json_is_null(zone_value))
		return pz_fail(info, PZ_ERR_PROTO, "its info lacks `zone`");
	if (zone && !pz_zone_is_valid(pz_slice_str(zone)))
		return pz_fail(info, PZ_ERR_PROTO, "its zone is malformed");
	snprintf(card->zone, sizeof(card->zone), "%s", zone ? zone : "");
	snprintf(card->device, sizeof(card->device), "%s", device);
	clean_name(card, pz_json_str(object, "displayName"));
	PZ_TRY(read_cert(object, "pzpCa", &card->pzp_ca, info));
	if (zone == NULL)
		return pz_cert_check_stranger(card->pzp_ca, info);
	PZ_TRY(read_cert(object, "pzhCa", &card->pzh_ca, info));
	return pz_verify_device_ca(card->pzp_ca, card->pzh_ca, NULL, wall_ms, card->zone,
				   card->device, info);
}

/* The identity is set last, from the checked values. */
enum pz_err
pz_pair_card_read(struct pz_slice text, uint64_t wall_ms, struct pz_pair_card *out,
		  struct pz_errinfo *info)
{
	struct pz_pair_card card = {.text = NULL};
	struct pz_errinfo why = {""};

	if (text.len > PZ_PAIR_INFO_BYTES_MAX)
		return pz_fail(info, PZ_ERR_LIMIT, "its info is longer than %u bytes",
			       (unsigned)PZ_PAIR_INFO_BYTES_MAX);
	json_t *object = pz_json_parse(text, &why);
	if (!json_is_object(object)) {
		json_decref(object);
		return pz_fail(info, PZ_ERR_PROTO, "its info is no JSON object");
	}
	enum pz_err err = read_members(object, wall_ms, &card, info);
	json_decref(object);
	if (err == PZ_OK)
		card.text = strndup((const char *)text.ptr, text.len);
	if (err == PZ_OK && card.text == NULL)
		err = pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	if (err != PZ_OK) {
		pz_pair_card_fini(&card);
		return err;
	}
	set_identity(&card);
	*out = card;
	return PZ_OK;
}

void
pz_pair_card_fini(struct pz_pair_card *card)
{
	pz_cert_free(card->pzh_ca);
	pz_cert_free(card->pzp_ca);
	free(card->text);
	*card = (struct pz_pair_card){.text = NULL};
}
