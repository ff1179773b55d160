/*
 * What protects the exchange: neither side can choose its number after it has seen the other's,
 * because each has committed to its own before (SHA-256, in pairHello), together with its whole
 * card. So an attacker between the two, who has to run two exchanges with two exporters, gets equal
 * digits only by chance: once in a million tries, and a window allows one try.
 *
 * A signature of each side's own CA key over both infos and the exporter shows that a side owns its
 * certificates: otherwise a copy of another zone's certificates could become a friend.
 *
 * send() may call back at once (a simulation, a test), so the state is set before each call, and
 * nothing is used after it.
 */
#include "pair/pair.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/codec.h"
#include "base/limits.h"
#include "wire/json.h"

#define PROOF_BYTES_MAX (2 * PZ_PAIR_INFO_BYTES_MAX + 1024)
#define NUMBER_CHARS 44 /* 32 bytes in base64 */
#define REASON_BYTES_MAX 64

enum state {
	STATE_NEW,     /* start was not called */
	STATE_HELLO,   /* ours is sent, the other one has not been received */
	STATE_REVEAL,  /* both sides are committed */
	STATE_COMPARE, /* both numbers are known; people compare */
	STATE_STORE,   /* both said yes and "remember"; this side is storing */
	STATE_RESULT,  /* both said yes, our result is sent; the other one has not been received */
	STATE_ENDED,
};

struct pz_pair {
	const struct pz_pair_ops *ops;
	void *arg;
	struct pz_pair_config config;
	enum state state;
	uint8_t k[PZ_PAIR_NUMBER_BYTES], other_k[PZ_PAIR_NUMBER_BYTES];
	uint8_t other_commit[PZ_PAIR_NUMBER_BYTES];
	struct pz_pair_card other;
	struct pz_timer timer;
	bool has_revealed, has_other_k;
	bool has_answered, remembers;             /* of the person here */
	bool has_other_answered, other_remembers; /* of the other person; both are always yes */
	bool is_stored;                           /* on this side */
	bool has_other_result, is_other_stored;   /* on the other side */
};

/* ---- the end ---- */

/* The numbers are wiped at each end: a committed number that was never revealed must stay
 * unknown. */
static void
end(struct pz_pair *pair)
{
	pair->state = STATE_ENDED;
	pz_env_stop(pair->config.env, &pair->timer);
	sodium_memzero(pair->k, sizeof(pair->k));
	sodium_memzero(pair->other_k, sizeof(pair->other_k));
}

/* Ends the exchange here, without a message to the other side. The text may contain names that the
 * other side has sent. */
static void
report_failure(struct pz_pair *pair, enum pz_err err, const char *text)
{
	struct pz_errinfo clean;

	(void)pz_fail(&clean, err, "%s", text); /* replaces control characters */
	end(pair);
	pair->ops->failed(pair->arg, err, clean.text);
}

/* Ended first, then the message: sending may call back into this file at once. */
void
pz_pair_stop(struct pz_pair *pair, enum pz_err err, const char *reason, const char *text)
{
	if (pair->state == STATE_ENDED)
		return;
	json_t *message = json_pack("{s:b, s:s}", "trusted", false, "reason", reason);
	bool was_started = pair->state != STATE_NEW;

	end(pair);
	if (was_started && message)
		pair->ops->send(pair->arg, PZ_PAIR_RESULT, message);
	json_decref(message);
	report_failure(pair, err, text);
}

static void
fail_memory(struct pz_pair *pair)
{
	pz_pair_stop(pair, PZ_ERR_LIMIT_MEMORY, PZ_PAIR_BAD, "out of memory");
}

static void
fail_protocol(struct pz_pair *pair, const char *what)
{
	char text[200];

	snprintf(text, sizeof(text),
		 "the other device does not follow the exchange (%s): open a new window on both, "
		 "and be sure who is near by",
		 what);
	pz_pair_stop(pair, PZ_ERR_PROTO, PZ_PAIR_BAD, text);
}

/* One time-out for the whole exchange: what was left of the window when it began. */
static void
on_timer(struct pz_timer *timer, void *arg)
{
	(void)timer;
	pz_pair_stop(arg, PZ_ERR_IO_TIMEOUT, PZ_PAIR_TIME_OUT,
		     "the time for pairing is over; open a new window on both devices");
}

/* ---- members ---- */

/* Exactly 32 bytes: a shorter number would be easier to guess. */
static bool
read_number(const json_t *message, const char *key, uint8_t out[PZ_PAIR_NUMBER_BYTES])
{
	const char *text = pz_json_str(message, key);
	struct pz_buf bytes;

	if (text == NULL || strlen(text) != NUMBER_CHARS)
		return false;
	pz_buf_init(&bytes, NUMBER_CHARS, NULL);
	bool is_good = pz_base64_decode(pz_slice_str(text), &bytes) == PZ_OK &&
		       pz_buf_slice(&bytes).len == PZ_PAIR_NUMBER_BYTES;
	if (is_good)
		memcpy(out, pz_buf_slice(&bytes).ptr, PZ_PAIR_NUMBER_BYTES);
	pz_buf_wipe(&bytes);
	return is_good;
}

static struct pz_pair_side
our_side(const struct pz_pair *pair)
{
	return (struct pz_pair_side){
		.identity = pair->config.card->identity,
		.info = pz_slice_str(pair->config.card->text),
		.k = pair->k,
	};
}

static struct pz_pair_side
other_side(const struct pz_pair *pair)
{
	return (struct pz_pair_side){
		.identity = pair->other.identity,
		.info = pz_slice_str(pair->other.text),
		.k = pair->other_k,
	};
}

static struct pz_pair_both
both_sides(const struct pz_pair *pair)
{
	return (struct pz_pair_both){
		.one = our_side(pair),
		.other = other_side(pair),
		.exporter = pair->config.exporter,
	};
}

/* ---- 1: hello ---- */

static char *
number_text(const uint8_t bytes[PZ_PAIR_NUMBER_BYTES])
{
	return pz_base64_encode(pz_slice_of(bytes, PZ_PAIR_NUMBER_BYTES));
}

/* Each exchange draws its own number, not each window: two connections of one window must not
 * commit to the same number. */
void
pz_pair_start(struct pz_pair *pair)
{
	const struct pz_pair_side side = our_side(pair);
	uint8_t commit[PZ_PAIR_NUMBER_BYTES];
	json_t *message = NULL;
	char *text = NULL;

	if (pair->state != STATE_NEW)
		return;
	pz_env_random(pair->config.env, pair->k, sizeof(pair->k));
	pz_env_start(pair->config.env, &pair->timer, pair->config.left_us);
	if (pz_pair_commit(&side, commit) == PZ_OK)
		text = number_text(commit);
	if (text)
		message = json_pack("{s:s, s:s}", "info", pair->config.card->text, "commit", text);
	free(text);
	if (message == NULL) {
		fail_memory(pair);
		return;
	}
	pair->state = STATE_HELLO;
	pair->ops->send(pair->arg, PZ_PAIR_HELLO, message);
	json_decref(message);
}

/* Verifies the identity of the other end. Devices of one zone trust each other already, and need no
 * window. */
static enum pz_err
check_partner(const struct pz_pair *pair, struct pz_errinfo *info)
{
	const struct pz_pair_card *ours = pair->config.card, *other = &pair->other;

	if (strcmp(ours->identity, other->identity) == 0)
		return pz_fail(info, PZ_ERR_DENIED_IDENTITY,
			       "the other end shows the identity of this very device; pair with "
			       "another device");
	if (ours->zone[0] && strcmp(ours->zone, other->zone) == 0)
		return pz_fail(info, PZ_ERR_DENIED_IDENTITY,
			       "%s is a device of your own zone: it needs no pairing, use `pzp "
			       "connect %s`",
			       other->device, other->device);
	return PZ_OK;
}

/* Checks the card before it is used: certificates, names, and that the zone's certificate has
 * issued the device's. The proof shows later whether the other side has the key. */
static void
on_hello(struct pz_pair *pair, const json_t *message)
{
	const json_t *text = json_object_get(message, "info");
	struct pz_errinfo info = {""};

	if (!json_is_string(text) || !read_number(message, "commit", pair->other_commit)) {
		fail_protocol(pair, "malformed pairHello");
		return;
	}
	enum pz_err err =
		pz_pair_card_read(pz_slice_of(json_string_value(text), json_string_length(text)),
				  pz_env_wall_ms(pair->config.env), &pair->other, &info);
	if (err != PZ_OK) {
		char line[sizeof(info.text) + 64];
		snprintf(line, sizeof(line), "the other device cannot be paired with: %s",
			 pz_errinfo_text(&info, err));
		pz_pair_stop(pair, err, PZ_PAIR_BAD, line);
		return;
	}
	err = check_partner(pair, &info);
	if (err != PZ_OK) {
		pz_pair_stop(pair, err, PZ_PAIR_SAME, info.text);
		return;
	}
	pair->state = STATE_REVEAL;
	pair->ops->met(pair->arg, &pair->other);
}

/* ---- 2: reveal ---- */

/* Both numbers are known and match their commitments: from here on the digits cannot change. */
static void
begin_compare(struct pz_pair *pair)
{
	const struct pz_pair_both both = both_sides(pair);
	char digits[PZ_PAIR_DIGITS + 1];

	if (pz_pair_digits(&both, digits) != PZ_OK) {
		fail_memory(pair);
		return;
	}
	pair->state = STATE_COMPARE;
	pair->ops->compare(pair->arg, digits);
}

static json_t *
reveal_message(const struct pz_pair *pair)
{
	const struct pz_pair_both both = both_sides(pair);
	char proof[PZ_SIGNATURE_CHARS_MAX + 1];
	struct pz_buf words;
	json_t *message = NULL;
	char *k = number_text(pair->k);

	pz_buf_init(&words, PROOF_BYTES_MAX, NULL);
	if (k && pz_pair_proof_words(&both, &both.one, &words) == PZ_OK &&
	    pz_key_sign_text(pair->config.key, pz_buf_slice(&words), proof) == PZ_OK)
		message = json_pack("{s:s, s:s}", "k", k, "proof", proof);
	pz_buf_fini(&words);
	free(k);
	return message;
}

/* The owner decides when, because it may have several connections: a revealed number cannot be
 * taken back (window.c). */
void
pz_pair_reveal(struct pz_pair *pair)
{
	if (pair->state != STATE_REVEAL || pair->has_revealed)
		return;
	json_t *message = reveal_message(pair);
	bool is_complete = pair->has_other_k;

	if (message == NULL) {
		pz_pair_stop(pair, PZ_ERR_CRYPTO, PZ_PAIR_BAD,
			     "this device cannot sign with its own key");
		return;
	}
	pair->has_revealed = true;
	pair->ops->send(pair->arg, PZ_PAIR_REVEAL, message);
	json_decref(message);
	if (is_complete && pair->state == STATE_REVEAL)
		begin_compare(pair);
}

/* Checks that the revealed number and the card are what the other side has committed to. The same
 * number on both sides is refused: it would be a reflection of our own message. */
static bool
is_committed(const struct pz_pair *pair)
{
	const struct pz_pair_side side = other_side(pair);
	uint8_t commit[PZ_PAIR_NUMBER_BYTES];

	return pz_pair_commit(&side, commit) == PZ_OK &&
	       sodium_memcmp(commit, pair->other_commit, sizeof(commit)) == 0 &&
	       sodium_memcmp(pair->k, pair->other_k, sizeof(pair->k)) != 0;
}

/* Covers both infos and the exporter of this connection, so a proof of another exchange or another
 * session is invalid. */
static bool
is_proved(const struct pz_pair *pair, const char *proof)
{
	const struct pz_pair_both both = both_sides(pair);
	struct pz_buf words;

	if (strlen(proof) > PZ_SIGNATURE_CHARS_MAX)
		return false;
	pz_buf_init(&words, PROOF_BYTES_MAX, NULL);
	bool is_good = pz_pair_proof_words(&both, &both.other, &words) == PZ_OK &&
		       pz_cert_verify_signature_text(pair->other.pzp_ca, pz_buf_slice(&words),
						     proof) == PZ_OK;
	pz_buf_fini(&words);
	return is_good;
}

/* The state stays "reveal" until both have revealed. An opener answers at once; the other end waits
 * until its owner has chosen this connection. */
static void
on_reveal(struct pz_pair *pair, const json_t *message)
{
	const char *proof = pz_json_str(message, "proof");

	if (pair->has_other_k || proof == NULL || !read_number(message, "k", pair->other_k)) {
		fail_protocol(pair,
			      pair->has_other_k ? "a second pairReveal" : "malformed pairReveal");
		return;
	}
	if (!is_committed(pair)) {
		pz_pair_stop(pair, PZ_ERR_DENIED_CODE, PZ_PAIR_BAD,
			     "the other device reveals another number than it has committed to: "
			     "an attacker may be between the two devices; do not trust it");
		return;
	}
	if (!is_proved(pair, proof)) {
		pz_pair_stop(pair, PZ_ERR_DENIED_IDENTITY, PZ_PAIR_BAD,
			     "the other device shows certificates that are not its own; do not "
			     "trust it");
		return;
	}
	pair->has_other_k = true;
	if (pair->has_revealed)
		begin_compare(pair);
	else if (pair->config.is_opener)
		pz_pair_reveal(pair);
}

/* ---- 4 and 5: yes or no ---- */

/* Remembering needs two zones: a virgin device has no hub that could be a friend. */
static bool
is_wanted(const struct pz_pair *pair)
{
	return pair->remembers && pair->other_remembers && pair->config.card->zone[0] &&
	       pair->other.zone[0];
}

/* The secret is derived from both numbers, which no third party knows. */
static enum pz_err
make_result(const struct pz_pair *pair, uint8_t secret[PZ_PAIR_NUMBER_BYTES],
	    struct pz_pair_result *out)
{
	const struct pz_pair_both both = both_sides(pair);

	*out = (struct pz_pair_result){
		.partner = &pair->other,
		.wanted = is_wanted(pair),
		.remembered = is_wanted(pair) && pair->is_stored && pair->is_other_stored,
		.secret = secret,
	};
	return pz_pair_secret(&both, secret);
}

static void
finish(struct pz_pair *pair)
{
	uint8_t secret[PZ_PAIR_NUMBER_BYTES];
	struct pz_pair_result result;

	if (make_result(pair, secret, &result) != PZ_OK) {
		fail_memory(pair);
		return;
	}
	end(pair);
	pair->ops->done(pair->arg, &result);
	sodium_memzero(secret, sizeof(secret));
}

/* The exchange is complete when the other side sends the same: until then one side alone must not
 * trust. */
static void
send_result(struct pz_pair *pair)
{
	json_t *message = json_pack("{s:b}", "trusted", true);

	if (message == NULL || (is_wanted(pair) && !pair->is_stored &&
				json_object_set_new(message, "remembered", json_false()) != 0)) {
		json_decref(message);
		fail_memory(pair);
		return;
	}
	pair->state = STATE_RESULT;
	pair->ops->send(pair->arg, PZ_PAIR_RESULT, message);
	json_decref(message);
	if (pair->has_other_result && pair->state == STATE_RESULT)
		finish(pair);
}

static void
begin_store(struct pz_pair *pair)
{
	uint8_t secret[PZ_PAIR_NUMBER_BYTES];
	struct pz_pair_result result;

	if (make_result(pair, secret, &result) != PZ_OK) {
		fail_memory(pair);
		return;
	}
	pair->state = STATE_STORE;
	if (!pair->ops->store(pair->arg, &result))
		send_result(pair);
	sodium_memzero(secret, sizeof(secret));
}

/* Both said yes here. If both remember, the result is stored first: the other side must not trust
 * what this one would have lost after a crash. */
static void
settle(struct pz_pair *pair)
{
	if (is_wanted(pair))
		begin_store(pair);
	else
		send_result(pair);
}

void
pz_pair_stored(struct pz_pair *pair, bool is_stored)
{
	if (pair->state != STATE_STORE)
		return;
	pair->is_stored = is_stored;
	send_result(pair);
}

/* Both persons may answer in either order. A no is sent before the exchange ends, so that the other
 * person sees it and not a lost connection. */
void
pz_pair_answer(struct pz_pair *pair, bool match, bool remember)
{
	if (!pz_pair_is_comparing(pair))
		return;
	json_t *message = json_pack("{s:b, s:b}", "match", match, "remember", match && remember);
	bool is_both = pair->has_other_answered;

	if (message == NULL) {
		fail_memory(pair);
		return;
	}
	pair->has_answered = true;
	pair->remembers = remember;
	pair->ops->send(pair->arg, PZ_PAIR_CONFIRM, message);
	json_decref(message);
	if (!match)
		pz_pair_stop(pair, PZ_ERR_DENIED_CODE, PZ_PAIR_DIFFERENT,
			     "the answer was that the digits differ: nothing is trusted");
	else if (is_both && pair->state == STATE_COMPARE)
		settle(pair);
}

static void
on_confirm(struct pz_pair *pair, const json_t *message)
{
	const json_t *match = json_object_get(message, "match");
	const json_t *remember = json_object_get(message, "remember");

	if (pair->has_other_answered || !json_is_boolean(match) ||
	    (remember && !json_is_boolean(remember))) {
		fail_protocol(pair, pair->has_other_answered ? "a second pairConfirm"
							     : "malformed pairConfirm");
		return;
	}
	if (!json_is_true(match)) {
		pz_pair_stop(pair, PZ_ERR_DENIED_CODE, PZ_PAIR_DIFFERENT,
			     "the person at the other device said no: nothing is trusted");
		return;
	}
	pair->has_other_answered = true;
	pair->other_remembers = json_is_true(remember);
	if (pair->has_answered)
		settle(pair);
}

/* The sentence for the other side's reason; the reason is one of fixed words. */
static const char *
reason_text(const char *reason)
{
	static const struct {
		const char *reason, *text;
	} rows[] = {
		{PZ_PAIR_BUSY,
		 "the other device pairs with another one; open a new window on both"},
		{PZ_PAIR_SAME, "the other device is of the same zone, or this very device"},
		{PZ_PAIR_DIFFERENT, "the person at the other device said no: nothing is trusted"},
		{PZ_PAIR_TIME_OUT, "the time for pairing is over at the other device"},
		{PZ_PAIR_STOPPED, "the window was closed at the other device"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(reason, rows[i].reason) == 0)
			return rows[i].text;
	return "the other device has ended the exchange";
}

/* The other side may have stored it before this one. */
static void
on_trusted(struct pz_pair *pair, const json_t *remembered)
{
	bool is_due = pair->state == STATE_STORE || pair->state == STATE_RESULT;

	if (!is_due || pair->has_other_result || (remembered && !json_is_boolean(remembered))) {
		fail_protocol(pair, pair->has_other_result ? "a second pairResult"
							   : "pairResult too early, or malformed");
		return;
	}
	pair->has_other_result = true;
	pair->is_other_stored = !json_is_false(remembered);
	if (pair->state == STATE_RESULT)
		finish(pair);
}

/* A no is accepted at any time; "trusted" only after both confirmations. */
static void
on_result(struct pz_pair *pair, const json_t *message)
{
	const json_t *trusted = json_object_get(message, "trusted");
	const char *reason = pz_json_str(message, "reason");

	if (reason == NULL || strlen(reason) > REASON_BYTES_MAX)
		reason = "";
	if (json_is_false(trusted))
		report_failure(pair,
			       strcmp(reason, PZ_PAIR_TIME_OUT) == 0 ? PZ_ERR_IO_TIMEOUT
								     : PZ_ERR_DENIED_REMOTE,
			       reason_text(reason));
	else if (json_is_true(trusted))
		on_trusted(pair, json_object_get(message, "remembered"));
	else
		fail_protocol(pair, "pairResult too early, or malformed");
}

/* A message that does not belong to the state ends the exchange, and with it the window: an
 * exchange between two honest devices has no such message. */
void
pz_pair_message(struct pz_pair *pair, const char *status, json_t *message)
{
	enum state state = pair->state;

	if (state == STATE_ENDED)
		return;
	if (strcmp(status, PZ_PAIR_HELLO) == 0 && state == STATE_HELLO)
		on_hello(pair, message);
	else if (strcmp(status, PZ_PAIR_REVEAL) == 0 && state == STATE_REVEAL)
		on_reveal(pair, message);
	else if (strcmp(status, PZ_PAIR_CONFIRM) == 0 && state == STATE_COMPARE)
		on_confirm(pair, message);
	else if (strcmp(status, PZ_PAIR_RESULT) == 0 && state != STATE_NEW)
		on_result(pair, message);
	else
		fail_protocol(pair, "a message out of order");
}

/* ---- life ---- */

enum pz_err
pz_pair_new(const struct pz_pair_config *config, const struct pz_pair_ops *ops, void *arg,
	    struct pz_pair **out)
{
	struct pz_pair *pair = calloc(1, sizeof(*pair));

	if (pair == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	pair->config = *config;
	pair->ops = ops;
	pair->arg = arg;
	pz_timer_init(&pair->timer, on_timer, pair);
	*out = pair;
	return PZ_OK;
}

bool
pz_pair_is_comparing(const struct pz_pair *pair)
{
	return pair->state == STATE_COMPARE && !pair->has_answered;
}

bool
pz_pair_has_revealed(const struct pz_pair *pair)
{
	return pair->has_revealed;
}

void
pz_pair_free(struct pz_pair *pair)
{
	if (pair == NULL)
		return;
	pz_env_stop(pair->config.env, &pair->timer);
	pz_pair_card_fini(&pair->other);
	sodium_memzero(pair, sizeof(*pair));
	free(pair);
}
