/*
 * The accepting hub trusts the other one if three things hold: the CA that it sends has the
 * fingerprint in the link, that CA has issued the certificate of the handshake, and the proof shows
 * the secret. The inviting hub trusts if the proof shows the secret and the signature shows the key
 * of the CA. Both proofs are bound to this connection, so a relay between two connections is
 * detected, and the accepting zone sends nothing about itself before the inviting one has proved
 * itself.
 *
 * send() and store() may call back at once, so the state is set before each of them, and nothing is
 * used after it.
 */
#include "friends/exchange.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "base/host.h"
#include "record/record.h"
#include "wire/address.h"
#include "wire/json.h"

#define HELLO "friendHello"
#define ZONE "friendZone"
#define ACCEPT "friendAccept"
#define ADDED "friendAdded"
#define ERROR "friendError"

#define WORDS_INVITER "pz-friend/1 inviter"
#define WORDS_GUEST "pz-friend/1 guest"
#define WORDS_CA "pz-friend/1 ca"
#define WORDS_SECRET "pz-friend/1 secret"
#define WORDS_BYTES_MAX 1024
#define PROOF_BYTES crypto_auth_hmacsha256_BYTES
#define REASON_BYTES_MAX 32

_Static_assert(PZ_FRIEND_SECRET_BYTES == PROOF_BYTES, "the secret is an HMAC-SHA-256");

enum state {
	STATE_HELLO,  /* inviter: waiting for friendHello */
	STATE_ACCEPT, /* inviter: waiting for friendAccept */
	STATE_ZONE,   /* guest: waiting for friendZone */
	STATE_ADDED,  /* guest: waiting for friendAdded */
	STATE_STORE,  /* the owner is storing */
	STATE_ENDED,
};

struct pz_friend_exchange {
	const struct pz_friend_self *self;
	const struct pz_friend_exchange_ops *ops;
	void *arg;
	struct pz_invitation invitation; /* of the guest; of the inviter after it was named */
	struct pz_friend *found;         /* the other zone, once it has proved itself */
	uint8_t exported[PZ_FRIEND_EXPORTER_BYTES];
	enum state state;
	bool is_guest;
};

/** What the other end claims about itself. */
struct claim {
	const char *zone, *display_name, *host;
	uint16_t port;
	struct pz_cert *ca;
	struct pz_crl *crl;
	uint8_t proof[PROOF_BYTES];
};

/* ---- the end ---- */

static void
fail(struct pz_friend_exchange *x, const char *reason, const char *detail, bool is_sent)
{
	x->state = STATE_ENDED;
	json_t *message = is_sent ? json_pack("{s:s}", "reason", reason) : NULL;
	if (message)
		x->ops->send(x->arg, ERROR, message);
	json_decref(message);
	x->ops->failed(x->arg, reason, detail);
}

const char *
pz_friend_reason_text(const char *reason)
{
	static const char *const texts[][2] = {
		{PZ_FRIEND_UNKNOWN, "the invitation is not valid (any more): it was used, has "
				    "expired, or was changed; ask for a new one"},
		{PZ_FRIEND_BAD_PROOF, "the secret or a certificate was not proved"},
		{PZ_FRIEND_OWN_ZONE, "a zone cannot be its own friend"},
		{PZ_FRIEND_WRONG_ZONE, "the invitation is for another zone"},
		{PZ_FRIEND_ALREADY, "the two zones are friends already"},
		{PZ_FRIEND_FULL, "there is no room for another friend there"},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(texts[i][0], reason) == 0)
			return texts[i][1];
	return "the other hub did not accept it";
}

/* ---- proofs ---- */

static void
hmac_of(const struct pz_invitation *i, struct pz_slice words, uint8_t out[PROOF_BYTES])
{
	crypto_auth_hmacsha256_state hmac;

	crypto_auth_hmacsha256_init(&hmac, i->secret, sizeof(i->secret));
	crypto_auth_hmacsha256_update(&hmac, words.ptr, words.len);
	crypto_auth_hmacsha256_final(&hmac, out);
	sodium_memzero(&hmac, sizeof(hmac));
}

static enum pz_err
hmac_of_parts(const struct pz_invitation *i, const struct pz_slice *parts, size_t count,
	      uint8_t out[PROOF_BYTES])
{
	struct pz_buf words;

	pz_buf_init(&words, WORDS_BYTES_MAX, NULL);
	enum pz_err err = pz_lv_cat(&words, parts, count);
	if (err == PZ_OK)
		hmac_of(i, pz_buf_slice(&words), out);
	pz_buf_fini(&words);
	return err;
}

/* @param is_guest who makes the proof */
static enum pz_err
prove(const struct pz_friend_exchange *x, bool is_guest, const struct claim *of,
      uint8_t out[PROOF_BYTES])
{
	uint8_t ca[32];
	char port[8];

	pz_cert_fingerprint(of->ca, ca);
	snprintf(port, sizeof(port), "%u", (unsigned)of->port);
	/* The proof covers everything that will be stored of an end. The words differ between the
	 * ends, so that a proof sent back to its maker proves nothing. */
	const struct pz_slice parts[] = {
		pz_slice_str(is_guest ? WORDS_GUEST : WORDS_INVITER),
		pz_slice_of(x->exported, sizeof(x->exported)),
		pz_slice_str(of->zone),
		pz_slice_str(of->display_name),
		pz_slice_of(ca, sizeof(ca)),
		pz_slice_str(of->host),
		pz_slice_str(port),
	};

	return hmac_of_parts(&x->invitation, parts, sizeof(parts) / sizeof(parts[0]), out);
}

static enum pz_err
put_ca_words(const struct pz_friend_exchange *x, const char *zone, struct pz_buf *out)
{
	const struct pz_slice parts[] = {
		pz_slice_str(WORDS_CA),
		pz_slice_of(x->exported, sizeof(x->exported)),
		pz_slice_str(zone),
	};

	return pz_lv_cat(out, parts, sizeof(parts) / sizeof(parts[0]));
}

/* The secret that both zones share from now on. */
static enum pz_err
derive(const struct pz_friend_exchange *x, const char *inviter, const char *guest,
       uint8_t out[PZ_FRIEND_SECRET_BYTES])
{
	const struct pz_slice parts[] = {
		pz_slice_str(WORDS_SECRET),
		pz_slice_of(x->exported, sizeof(x->exported)),
		pz_slice_str(inviter),
		pz_slice_str(guest),
	};

	return hmac_of_parts(&x->invitation, parts, sizeof(parts) / sizeof(parts[0]), out);
}

/* ---- what this end says ---- */

static enum pz_err
set_bytes(json_t *object, const char *key, const uint8_t *bytes, size_t len)
{
	char *text = pz_base64_encode(pz_slice_of(bytes, len));
	int is_wrong = text ? json_object_set_new(object, key, json_string(text)) : -1;

	free(text);
	return is_wrong ? PZ_ERR_LIMIT_MEMORY : PZ_OK;
}

static enum pz_err
add_signature(const struct pz_friend_exchange *x, json_t *object)
{
	char sig[PZ_SIGNATURE_CHARS_MAX + 1];
	struct pz_buf words;

	pz_buf_init(&words, WORDS_BYTES_MAX, NULL);
	enum pz_err err = put_ca_words(x, x->self->zone, &words);
	if (err == PZ_OK)
		err = pz_key_sign_text(x->self->ca_key, pz_buf_slice(&words), sig);
	pz_buf_fini(&words);
	if (err == PZ_OK && json_object_set_new(object, "sig", json_string(sig)) != 0)
		err = PZ_ERR_LIMIT_MEMORY;
	return err;
}

/* A list that is too long is sent on the link later. */
static void
add_list(const struct pz_friend_exchange *x, json_t *object)
{
	json_t *pem = pz_record_crl(*x->self->crl);

	if (pem && json_string_length(pem) <= PZ_FRIEND_CRL_BYTES_MAX)
		(void)json_object_set(object, "crl", pem);
	json_decref(pem);
}

/* NULL: out of memory, or the signature could not be made. */
static json_t *
describe(const struct pz_friend_exchange *x)
{
	const struct pz_friend_self *self = x->self;
	const struct claim own = {
		.zone = self->zone,
		.display_name = self->display_name,
		.host = self->host,
		.port = self->port,
		.ca = self->ca,
	};
	uint8_t proof[PROOF_BYTES];
	json_t *object = json_pack("{s:s, s:s, s:o, s:s, s:i}", "zone", self->zone, "displayName",
				   self->display_name, "ca", pz_record_cert(self->ca), "host",
				   self->host, "port", (int)self->port);
	enum pz_err err = object ? prove(x, x->is_guest, &own, proof) : PZ_ERR_LIMIT_MEMORY;

	if (err == PZ_OK)
		err = set_bytes(object, "proof", proof, sizeof(proof));
	if (err == PZ_OK)
		add_list(x, object);
	if (err == PZ_OK && x->is_guest)
		err = add_signature(x, object);
	if (err != PZ_OK) {
		json_decref(object);
		return NULL;
	}
	return object;
}

static void
send_description(struct pz_friend_exchange *x, const char *status, enum state next)
{
	json_t *message = describe(x);

	if (message == NULL) {
		fail(x, PZ_FRIEND_BAD_REQUEST, "out of memory", true);
		return;
	}
	x->state = next;
	x->ops->send(x->arg, status, message);
	json_decref(message);
}

/* ---- what the other end says ---- */

static bool
read_bytes(const json_t *object, const char *key, uint8_t *out, size_t len)
{
	const char *text = pz_json_str(object, key);
	struct pz_buf bytes;

	pz_buf_init(&bytes, len, NULL);
	bool is_right =
		text && pz_base64_decode(pz_slice_str(text), &bytes) == PZ_OK && bytes.len == len;
	if (is_right)
		memcpy(out, pz_buf_slice(&bytes).ptr, len);
	pz_buf_fini(&bytes);
	return is_right;
}

static void
claim_fini(struct claim *c)
{
	pz_cert_free(c->ca);
	pz_crl_free(c->crl);
}

/* Strings are borrowed from the message. Errors: PROTO. */
static enum pz_err
read_claim(const json_t *message, struct claim *out, struct pz_errinfo *info)
{
	const char *ca = pz_json_str(message, "ca"), *crl = pz_json_str(message, "crl");
	int64_t port = 0;

	out->zone = pz_json_str(message, "zone");
	out->display_name = pz_json_str(message, "displayName");
	out->host = pz_json_str(message, "host");
	if (!out->zone || !pz_zone_is_valid(pz_slice_str(out->zone)) || !out->display_name ||
	    !pz_display_name_is_valid(pz_slice_str(out->display_name)) || !out->host ||
	    !pz_host_is_valid(out->host) || !pz_json_int(message, "port", 1, UINT16_MAX, &port) ||
	    !ca || !read_bytes(message, "proof", out->proof, sizeof(out->proof)))
		return pz_fail(info, PZ_ERR_PROTO,
			       "the other hub's description of its zone is not complete");
	out->port = (uint16_t)port;
	PZ_TRY(pz_cert_from_pem(pz_slice_str(ca), &out->ca, info));
	return crl ? pz_crl_from_pem(pz_slice_str(crl), &out->crl, info) : PZ_OK;
}

/* Checks the proof of the secret, and that CA and list belong to the zone. */
static enum pz_err
check_claim(struct pz_friend_exchange *x, const struct claim *c, struct pz_friend **out,
	    struct pz_errinfo *info)
{
	uint8_t proof[PROOF_BYTES];

	PZ_TRY(prove(x, !x->is_guest, c, proof));
	bool is_proved = sodium_memcmp(proof, c->proof, sizeof(proof)) == 0;
	sodium_memzero(proof, sizeof(proof));
	if (!is_proved)
		return pz_fail(info, PZ_ERR_DENIED_CODE,
			       "the other hub does not know the invitation's secret, or another "
			       "one is in between");
	PZ_AUTO(pz_friend_free) struct pz_friend *f = NULL;
	PZ_TRY(pz_friend_new(c->zone, c->ca, &f, info));
	if (c->crl)
		PZ_TRY(pz_friend_set_crl(f, c->crl, info));
	snprintf(f->display_name, sizeof(f->display_name), "%s", c->display_name);
	snprintf(f->host, sizeof(f->host), "%s", c->host);
	f->port = c->port;
	PZ_TRY(x->is_guest ? derive(x, c->zone, x->self->zone, f->secret)
			   : derive(x, x->self->zone, c->zone, f->secret));
	*out = PZ_TAKE(f);
	return PZ_OK;
}

static const char *
reason_of(enum pz_err err)
{
	return pz_err_category(err) == PZ_CAT_DENIED ? PZ_FRIEND_BAD_PROOF : PZ_FRIEND_BAD_REQUEST;
}

/* ---- the inviting end ---- */

static void
on_hello(struct pz_friend_exchange *x, const json_t *message)
{
	const char *id = pz_json_str(message, "id");
	const struct pz_invitation *i =
		id && strlen(id) <= PZ_INVITATION_ID_CHARS ? x->ops->invitation(x->arg, id) : NULL;

	if (i == NULL) {
		fail(x, PZ_FRIEND_UNKNOWN, "there is no valid invitation with this id", true);
		return;
	}
	x->invitation = *i;
	send_description(x, ZONE, STATE_ACCEPT);
}

/* The guest shows no certificate in the handshake, so it signs. */
static enum pz_err
check_signature(const struct pz_friend_exchange *x, const json_t *message, const struct claim *c,
		struct pz_errinfo *info)
{
	const char *sig = pz_json_str(message, "sig");
	struct pz_buf words;

	if (sig == NULL || strlen(sig) > PZ_SIGNATURE_CHARS_MAX)
		return pz_fail(info, PZ_ERR_PROTO, "the other hub has not signed");
	pz_buf_init(&words, WORDS_BYTES_MAX, NULL);
	enum pz_err err = put_ca_words(x, c->zone, &words);
	if (err == PZ_OK)
		err = pz_cert_verify_signature_text(c->ca, pz_buf_slice(&words), sig);
	pz_buf_fini(&words);
	return err == PZ_OK ? err
			    : pz_fail(info, PZ_ERR_DENIED_IDENTITY,
				      "the other hub does not have the key of the CA that it "
				      "shows");
}

static void
on_accept(struct pz_friend_exchange *x, const json_t *message)
{
	struct pz_errinfo info = {""};
	struct claim c = {.port = 0};
	struct pz_friend *f = NULL;

	enum pz_err err = read_claim(message, &c, &info);
	if (err == PZ_OK)
		err = check_claim(x, &c, &f, &info);
	if (err == PZ_OK)
		err = check_signature(x, message, &c, &info);
	claim_fini(&c);
	if (err != PZ_OK) {
		pz_friend_free(f);
		fail(x, reason_of(err), pz_errinfo_text(&info, err), true);
	} else if (strcmp(f->zone, x->self->zone) == 0) {
		pz_friend_free(f);
		fail(x, PZ_FRIEND_OWN_ZONE, "the zone's own hub accepts its invitation", true);
		/* A link may be passed on; if it names its guest, others cannot use it. */
	} else if (x->invitation.guest[0] && strcmp(f->zone, x->invitation.guest) != 0) {
		pz_friend_free(f);
		fail(x, PZ_FRIEND_WRONG_ZONE, "the invitation is for another zone", true);
	} else {
		snprintf(f->by, sizeof(f->by), "%s", x->invitation.by);
		x->state = STATE_STORE;
		x->ops->store(x->arg, f, x->invitation.id);
	}
}

/* ---- the accepting end ---- */

static void
on_zone(struct pz_friend_exchange *x, const json_t *message)
{
	struct pz_errinfo info = {""};
	struct claim c = {.port = 0};
	uint8_t ca[32];

	enum pz_err err = read_claim(message, &c, &info);
	if (err == PZ_OK) {
		pz_cert_fingerprint(c.ca, ca);
		if (memcmp(ca, x->invitation.ca, sizeof(ca)) != 0 ||
		    strcmp(c.zone, x->invitation.zone) != 0)
			err = pz_fail(&info, PZ_ERR_DENIED_IDENTITY,
				      "a different hub answers: its certificate does not have the "
				      "fingerprint that is in the link");
	}
	if (err == PZ_OK)
		err = x->ops->verify(x->arg, c.ca, c.zone, &info);
	if (err == PZ_OK)
		err = check_claim(x, &c, &x->found, &info);
	claim_fini(&c);
	if (err != PZ_OK)
		fail(x, reason_of(err), pz_errinfo_text(&info, err), true);
	else
		send_description(x, ACCEPT, STATE_ADDED);
}

static void
on_added(struct pz_friend_exchange *x)
{
	x->state = STATE_STORE;
	x->ops->store(x->arg, PZ_TAKE(x->found), x->invitation.id);
}

/* ---- both ---- */

static void
on_error(struct pz_friend_exchange *x, const json_t *message)
{
	const char *said = pz_json_str(message, "reason");
	char reason[REASON_BYTES_MAX + 1];

	snprintf(reason, sizeof(reason), "%s", said ? said : PZ_FRIEND_BAD_REQUEST);
	fail(x, reason, pz_friend_reason_text(reason), false);
}

void
pz_friend_exchange_message(struct pz_friend_exchange *x, const char *status, const json_t *message)
{
	/* While the owner stores, every message is unexpected, even an error: the proofs are
	 * complete, and the result is what the store reports. */
	if (x->state == STATE_ENDED || x->state == STATE_STORE)
		return;
	if (strcmp(status, ERROR) == 0)
		on_error(x, message);
	else if (strcmp(status, HELLO) == 0 && x->state == STATE_HELLO)
		on_hello(x, message);
	else if (strcmp(status, ACCEPT) == 0 && x->state == STATE_ACCEPT)
		on_accept(x, message);
	else if (strcmp(status, ZONE) == 0 && x->state == STATE_ZONE)
		on_zone(x, message);
	else if (strcmp(status, ADDED) == 0 && x->state == STATE_ADDED)
		on_added(x);
	else
		fail(x, PZ_FRIEND_BAD_REQUEST, "unexpected message", true);
}

void
pz_friend_exchange_stored(struct pz_friend_exchange *x)
{
	if (x->state != STATE_STORE)
		return;
	x->state = STATE_ENDED;
	json_t *message = x->is_guest ? NULL : json_object();
	if (message)
		x->ops->send(x->arg, ADDED, message);
	json_decref(message);
	x->ops->done(x->arg);
}

void
pz_friend_exchange_refused(struct pz_friend_exchange *x, const char *reason, const char *detail)
{
	if (x->state == STATE_STORE)
		fail(x, reason, detail, true);
}

static struct pz_friend_exchange *
new_exchange(const struct pz_friend_self *self, const uint8_t *exported,
	     const struct pz_friend_exchange_ops *ops, void *arg)
{
	struct pz_friend_exchange *x = calloc(1, sizeof(*x));

	if (x == NULL)
		return NULL;
	x->self = self;
	x->ops = ops;
	x->arg = arg;
	memcpy(x->exported, exported, sizeof(x->exported));
	return x;
}

struct pz_friend_exchange *
pz_friend_exchange_invite(const struct pz_friend_self *self, const uint8_t *exported,
			  const struct pz_friend_exchange_ops *ops, void *arg)
{
	return new_exchange(self, exported, ops, arg); /* STATE_HELLO */
}

struct pz_friend_exchange *
pz_friend_exchange_accept(const struct pz_friend_self *self, const struct pz_invitation *invitation,
			  const uint8_t *exported, const struct pz_friend_exchange_ops *ops,
			  void *arg)
{
	struct pz_friend_exchange *x = new_exchange(self, exported, ops, arg);

	if (x == NULL)
		return NULL;
	x->invitation = *invitation;
	x->is_guest = true;
	x->state = STATE_ZONE;
	return x;
}

void
pz_friend_exchange_start(struct pz_friend_exchange *x)
{
	json_t *message = json_pack("{s:s}", "id", x->invitation.id);

	if (message)
		x->ops->send(x->arg, HELLO, message);
	else
		fail(x, PZ_FRIEND_BAD_REQUEST, "out of memory", false);
	json_decref(message);
}

void
pz_friend_exchange_free(struct pz_friend_exchange *x)
{
	if (x == NULL)
		return;
	pz_friend_free(x->found);
	sodium_memzero(x, sizeof(*x));
	free(x);
}
