/*
 * The secret goes into the link in hex: a person may type it, and no mail program breaks it. By its
 * id the hub finds the invitation of a stranger without comparing secrets: the time of a comparison
 * would show how much of a guess is right.
 */
#include "friends/invitation.h"

#include <inttypes.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "wire/address.h"
#include "wire/hub_link.h"
#include "wire/json.h"

#define SCHEME "pzh://"
#define ID_WORDS "pz-friend/1 id"

static void
set_id(struct pz_invitation *i)
{
	uint8_t mac[crypto_auth_hmacsha256_BYTES];
	crypto_auth_hmacsha256_state hmac;

	crypto_auth_hmacsha256_init(&hmac, i->secret, sizeof(i->secret));
	crypto_auth_hmacsha256_update(&hmac, (const uint8_t *)ID_WORDS, sizeof(ID_WORDS) - 1);
	crypto_auth_hmacsha256_final(&hmac, mac);
	pz_hex_encode(mac, PZ_INVITATION_ID_CHARS / 2, i->id);
	sodium_memzero(&hmac, sizeof(hmac));
}

enum pz_err
pz_invitation_make(const char *zone, const struct pz_cert *ca, const char *host, uint16_t port,
		   const struct pz_env *env, struct pz_invitation *out)
{
	struct pz_invitation i = {.port = port};
	struct pz_buf link;

	snprintf(i.zone, sizeof(i.zone), "%s", zone);
	snprintf(i.host, sizeof(i.host), "%s", host);
	pz_cert_fingerprint(ca, i.ca);
	pz_env_random(env, i.secret, sizeof(i.secret));
	i.expires_ms = pz_env_wall_ms(env) + PZ_INVITATION_MS;
	set_id(&i);
	/* Checks now whether the link fits, not when a person wants to send it. */
	pz_buf_init(&link, PZ_INVITATION_LINK_BYTES_MAX, NULL);
	enum pz_err err = pz_invitation_link(&i, &link);
	pz_buf_wipe(&link);
	if (err == PZ_OK)
		*out = i;
	pz_invitation_wipe(&i);
	return err;
}

void
pz_invitation_wipe(struct pz_invitation *i)
{
	sodium_memzero(i, sizeof(*i));
}

bool
pz_invitation_is_live(const struct pz_invitation *i, const struct pz_env *env)
{
	return pz_env_wall_ms(env) < i->expires_ms;
}

/* ---- link ---- */

enum pz_err
pz_invitation_link(const struct pz_invitation *i, struct pz_buf *out)
{
	char secret[2 * sizeof(i->secret) + 1], ca[2 * sizeof(i->ca) + 1];
	struct pz_buf text;

	pz_hex_encode(i->secret, sizeof(i->secret), secret);
	pz_hex_encode(i->ca, sizeof(i->ca), ca);
	pz_buf_init(&text, PZ_INVITATION_LINK_BYTES_MAX, NULL);
	enum pz_err err = pz_hub_link_format(SCHEME, i->host, i->port, i->zone, &text);
	if (err == PZ_OK)
		err = pz_buf_printf(&text, "?friend=%s&ca=%s", secret, ca);
	if (err == PZ_OK)
		err = pz_buf_append(out, pz_buf_slice(&text));
	sodium_memzero(secret, sizeof(secret));
	pz_buf_wipe(&text);
	return err;
}

/* Each parameter exactly once. */
static enum pz_err
parse_query(struct pz_slice query, struct pz_invitation *out)
{
	struct pz_slice name, value;
	bool has_secret = false, has_ca = false;

	while (pz_hub_link_next(&query, &name, &value)) {
		/* Other parameters are ignored: a later version may have more. */
		if (pz_slice_eq_str(name, "friend")) {
			if (has_secret || pz_hex_decode(value, out->secret, sizeof(out->secret)))
				return PZ_ERR_CONFIG;
			has_secret = true;
		} else if (pz_slice_eq_str(name, "ca")) {
			if (has_ca || pz_hex_decode(value, out->ca, sizeof(out->ca)))
				return PZ_ERR_CONFIG;
			has_ca = true;
		}
	}
	return has_secret && has_ca ? PZ_OK : PZ_ERR_CONFIG;
}

/* After a failure the struct is wiped, so that no part of a secret stays in it. */
enum pz_err
pz_invitation_parse(const char *link, struct pz_invitation *out, struct pz_errinfo *info)
{
	struct pz_hub_link to;

	pz_invitation_wipe(out);
	if (strnlen(link, PZ_INVITATION_LINK_BYTES_MAX + 1) > PZ_INVITATION_LINK_BYTES_MAX)
		return pz_fail(info, PZ_ERR_CONFIG, "the link is longer than any invitation");
	enum pz_err err = pz_hub_link_parse(SCHEME, link, &to, info);
	if (err == PZ_ERR_NOTFOUND)
		return pz_fail(info, PZ_ERR_CONFIG,
			       "not an invitation: it must look like " SCHEME
			       "<host>:<port>/<zone>?friend=<secret>&ca=<fingerprint>");
	PZ_TRY(err);
	if (parse_query(to.query, out) != PZ_OK) {
		pz_invitation_wipe(out);
		return pz_fail(info, PZ_ERR_CONFIG,
			       "the invitation is not complete: copy the whole link, with friend= "
			       "and ca=");
	}
	snprintf(out->zone, sizeof(out->zone), "%s", to.zone);
	snprintf(out->host, sizeof(out->host), "%s", to.host);
	out->port = to.port;
	set_id(out);
	return PZ_OK;
}

/* ---- store ---- */

char *
pz_invitation_text(const struct pz_invitation *i)
{
	char secret[2 * sizeof(i->secret) + 1];
	struct pz_buf text;
	char *copy = NULL;

	pz_hex_encode(i->secret, sizeof(i->secret), secret);
	pz_buf_init(&text, 2048, NULL);
	/* Zones and devices contain nothing that JSON escapes; jansson would not wipe the
	 * secret. */
	if (pz_buf_printf(&text,
			  "{\"secret\":\"%s\",\"expires\":%" PRIu64 ",\"host\":\"%s\",\"port\":%u,"
			  "\"guest\":\"%s\",\"by\":\"%s\"}",
			  secret, i->expires_ms, i->host, (unsigned)i->port, i->guest,
			  i->by) == PZ_OK)
		copy = pz_slice_dup(pz_buf_slice(&text));
	sodium_memzero(secret, sizeof(secret));
	pz_buf_wipe(&text);
	return copy;
}

static enum pz_err
read_members(const json_t *object, struct pz_invitation *i)
{
	const char *secret = pz_json_str(object, "secret"), *host = pz_json_str(object, "host");
	const char *guest = pz_json_str(object, "guest"), *by = pz_json_str(object, "by");
	int64_t expires = 0, port = 0;

	if (!secret || !host || !guest || !by || strlen(host) >= sizeof(i->host) ||
	    strlen(guest) >= sizeof(i->guest) || strlen(by) >= sizeof(i->by) ||
	    !pz_json_int(object, "port", 1, UINT16_MAX, &port) ||
	    !pz_json_int(object, "expires", 0, (int64_t)PZ_SYNC_TIME_MS_MAX, &expires) ||
	    pz_hex_decode(pz_slice_str(secret), i->secret, sizeof(i->secret)) != PZ_OK)
		return PZ_ERR_PROTO_MEMBER;
	snprintf(i->host, sizeof(i->host), "%s", host);
	snprintf(i->guest, sizeof(i->guest), "%s", guest);
	snprintf(i->by, sizeof(i->by), "%s", by);
	i->port = (uint16_t)port;
	i->expires_ms = (uint64_t)expires;
	return PZ_OK;
}

enum pz_err
pz_invitation_read(struct pz_slice text, const char *zone, const struct pz_cert *ca,
		   struct pz_invitation *out)
{
	struct pz_invitation i = {.port = 0};
	json_t *object = pz_json_parse(text, NULL);
	enum pz_err err = json_is_object(object) ? read_members(object, &i) : PZ_ERR_PROTO_JSON;

	json_decref(object);
	if (err != PZ_OK)
		return err;
	snprintf(i.zone, sizeof(i.zone), "%s", zone);
	pz_cert_fingerprint(ca, i.ca);
	set_id(&i);
	*out = i;
	pz_invitation_wipe(&i);
	return PZ_OK;
}

/* ---- those of a zone ---- */

enum pz_err
pz_invitations_add(struct pz_invitations *all, const struct pz_invitation *i)
{
	if (all->len == PZ_INVITATIONS_MAX)
		return PZ_ERR_LIMIT;
	all->list[all->len++] = *i;
	return PZ_OK;
}

const struct pz_invitation *
pz_invitations_find(const struct pz_invitations *all, const char *id)
{
	for (size_t n = 0; n < all->len; n++)
		if (strcmp(all->list[n].id, id) == 0)
			return &all->list[n];
	return NULL;
}

void
pz_invitations_remove(struct pz_invitations *all, const char *id)
{
	for (size_t n = 0; n < all->len; n++) {
		if (strcmp(all->list[n].id, id) != 0)
			continue;
		all->len--;
		memmove(&all->list[n], &all->list[n + 1], (all->len - n) * sizeof(all->list[0]));
		pz_invitation_wipe(&all->list[all->len]);
		return;
	}
}

const struct pz_invitation *
pz_invitations_expired(const struct pz_invitations *all, const struct pz_env *env)
{
	for (size_t n = 0; n < all->len; n++)
		if (!pz_invitation_is_live(&all->list[n], env))
			return &all->list[n];
	return NULL;
}

bool
pz_invitations_are_live(const struct pz_invitations *all, const struct pz_env *env)
{
	for (size_t n = 0; n < all->len; n++)
		if (pz_invitation_is_live(&all->list[n], env))
			return true;
	return false;
}
