/*
 * Target function: pz_pair_message (and pz_pair_card_read below it).
 * Input: "dialled" or another word (our side dialled), then one line for each event:
 *     > {"k": "x", "proof": null}   the next message of an honest virgin device, with these members
 *                                   set or removed
 *     pairHello {"info": "{}"}      a message that the input makes up; a word alone has none
 *     R                             this is the partner that we want
 *     Y, F, D                       our person says yes, yes and friends, no
 *     P                             the honest side's person says yes, and wants to be friends
 *     ~                             ten seconds pass
 * Must hold (page 6): our number is shown only to a side that has committed to its own, by the side
 * that dialled only after the other's; digits are shown once; trust only after our person has said
 * yes, never remembered for a device without a zone; one end, and silence after it.
 */
#include "zone.h"

#include "pair/pair.h"
#include "wire/json.h"
#include "x509/stranger.h"

#define QUEUE_MAX 8

static struct pz_kit_clock clock;
static struct pz_key *key;
static struct pz_pair_card ours, theirs;
static struct pz_pair *target, *honest;

static struct {
	bool is_opener, has_met, has_compared, has_answered_yes, has_ended, is_revealed, is_refused;
	bool honest_met;
} seen;

static struct {
	char status[32];
	json_t *message;
} queue[QUEUE_MAX];
static size_t head, tail;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct pz_cert *ca = fuzz_cert("ca.pem"), *device_ca = fuzz_cert("device-ca.pem");
	struct pz_cert *loner = NULL;

	(void)argc;
	(void)argv;
	fuzz_start();
	fuzz_clock_init(&clock);
	key = fuzz_key("device-key.pem");
	PZ_KIT_OK(pz_cert_issue_stranger(key, &clock.env, &loner, NULL));
	const struct pz_pair_card_parts member = {FUZZ_ZONE, FUZZ_DEVICE, "Alice's laptop", ca,
						  device_ca};
	const struct pz_pair_card_parts virgin = {NULL, "phone", "new phone", NULL, loner};
	PZ_KIT_OK(pz_pair_card_make(&member, &ours));
	PZ_KIT_OK(pz_pair_card_make(&virgin, &theirs));
	pz_cert_free(ca);
	pz_cert_free(device_ca);
	pz_cert_free(loner);
	return 0;
}

static void
on_send(void *arg, const char *status, json_t *message)
{
	(void)arg;
	FUZZ_CHECK(json_is_object(message));
	if (strcmp(status, PZ_PAIR_REVEAL) == 0) {
		FUZZ_CHECK(seen.has_met && !seen.is_revealed && !seen.has_ended);
		seen.is_revealed = true;
	}
	pz_pair_message(honest, status, message);
	if (seen.honest_met && !seen.is_opener)
		return; /* the honest side dialled: it reveals by itself */
	pz_pair_reveal(honest);
}

static void
on_met(void *arg, const struct pz_pair_card *partner)
{
	(void)arg;
	FUZZ_CHECK(!seen.has_met && !seen.has_ended);
	FUZZ_CHECK(strcmp(partner->zone, FUZZ_ZONE) != 0 && partner->device[0] != '\0');
	FUZZ_CHECK(partner->display_name[0] != '\0' && partner->pzp_ca != NULL);
	seen.has_met = true;
}

static void
on_compare(void *arg, const char *digits)
{
	(void)arg;
	FUZZ_CHECK(seen.is_revealed && !seen.has_compared && !seen.has_ended);
	FUZZ_CHECK(strspn(digits, "0123456789") == PZ_PAIR_DIGITS &&
		   strlen(digits) == PZ_PAIR_DIGITS);
	seen.has_compared = true;
}

static bool
on_store(void *arg, const struct pz_pair_result *result)
{
	(void)arg;
	FUZZ_CHECK(seen.has_answered_yes && !seen.has_ended && !seen.is_refused);
	FUZZ_CHECK(result->wanted && !result->remembered && result->partner->zone[0] != '\0');
	seen.is_refused = true;
	return false;
}

static void
on_done(void *arg, const struct pz_pair_result *result)
{
	(void)arg;
	FUZZ_CHECK(seen.has_compared && seen.has_answered_yes && !seen.has_ended);
	FUZZ_CHECK(!result->remembered && result->wanted == seen.is_refused);
	FUZZ_CHECK(!result->wanted || result->partner->zone[0] != '\0');
	seen.has_ended = true;
}

static void
on_failed(void *arg, enum pz_err err, const char *reason)
{
	(void)arg;
	FUZZ_CHECK(!seen.has_ended && err != PZ_OK && reason[0] != '\0');
	FUZZ_CHECK(strchr(reason, '\n') == NULL);
	seen.has_ended = true;
}

static const struct pz_pair_ops ops = {
	.send = on_send,
	.met = on_met,
	.compare = on_compare,
	.store = on_store,
	.done = on_done,
	.failed = on_failed,
};

/* ---- the honest side ---- */

static void
on_honest_send(void *arg, const char *status, json_t *message)
{
	(void)arg;
	if (tail == QUEUE_MAX)
		return;
	snprintf(queue[tail].status, sizeof(queue[0].status), "%s", status);
	queue[tail++].message = json_deep_copy(message);
}

static void
on_honest_met(void *arg, const struct pz_pair_card *partner)
{
	(void)arg;
	FUZZ_CHECK(strcmp(partner->zone, FUZZ_ZONE) == 0);
	seen.honest_met = true;
}

static void
on_honest_compare(void *arg, const char *digits)
{
	(void)arg;
	(void)digits;
}

static void
on_honest_done(void *arg, const struct pz_pair_result *result)
{
	(void)arg;
	FUZZ_CHECK(!result->remembered);
}

static void
on_honest_failed(void *arg, enum pz_err err, const char *reason)
{
	(void)arg;
	(void)err;
	(void)reason;
}

static const struct pz_pair_ops honest_ops = {
	.send = on_honest_send,
	.met = on_honest_met,
	.compare = on_honest_compare,
	.done = on_honest_done,
	.failed = on_honest_failed,
};

/* ---- events ---- */

static void
deliver_next(struct pz_slice text)
{
	json_t *changes = pz_json_parse(text, NULL), *value;
	const char *name;

	if (head < tail) {
		json_t *message = queue[head].message;
		json_object_foreach (changes, name, value) {
			if (json_is_null(value))
				json_object_del(message, name);
			else
				json_object_set(message, name, value);
		}
		pz_pair_message(target, queue[head++].status, message);
		json_decref(message);
	}
	if (head == tail)
		head = tail = 0;
	json_decref(changes);
}

static void
deliver_made_up(struct pz_slice line)
{
	char *text = fuzz_text(line), *space = strchr(text, ' ');
	json_t *message = NULL;

	if (space) {
		*space = '\0';
		message = pz_json_parse(pz_slice_str(space + 1), NULL);
	}
	pz_pair_message(target, text, message);
	json_decref(message);
	free(text);
}

static void
act(struct pz_slice line)
{
	char event = line.len == 1 || (line.len > 0 && line.ptr[0] == '>') ? (char)line.ptr[0] : 0;

	switch (event) {
	case '>':
		deliver_next(pz_slice_of(line.ptr + 1, line.len - 1));
		break;
	case 'R':
		/* By itself only after the other's: an owner that dialled does not ask for it. */
		if (!seen.is_opener)
			pz_pair_reveal(target);
		break;
	case 'Y':
	case 'F':
		seen.has_answered_yes |= seen.has_compared && !seen.has_ended;
		pz_pair_answer(target, true, event == 'F');
		break;
	case 'D':
		pz_pair_answer(target, false, true);
		break;
	case 'P':
		pz_pair_answer(honest, true, true);
		break;
	case '~':
		pz_kit_clock_run(&clock, 10 * PZ_US_PER_S);
		break;
	default:
		deliver_made_up(line);
		break;
	}
}

static void
open_exchange(void)
{
	struct pz_pair_config config = {
		.card = &ours,
		.key = key,
		.exporter = {1},
		.is_opener = seen.is_opener,
		.left_us = PZ_PAIR_WINDOW_US,
		.env = &clock.env,
	};

	PZ_KIT_OK(pz_pair_new(&config, &ops, NULL, &target));
	config.card = &theirs;
	config.is_opener = !seen.is_opener;
	PZ_KIT_OK(pz_pair_new(&config, &honest_ops, NULL, &honest));
	pz_pair_start(honest);
	pz_pair_start(target);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pz_slice rest = pz_slice_of(data, size);

	fuzz_clock_init(&clock);
	memset(&seen, 0, sizeof(seen));
	seen.is_opener = !pz_slice_eq_str(fuzz_line(&rest), "dialled");
	open_exchange();
	while (rest.len > 0)
		act(fuzz_line(&rest));
	pz_pair_free(target);
	pz_pair_free(honest);
	for (; head < tail; head++)
		json_decref(queue[head].message);
	head = tail = 0;
	return 0;
}
