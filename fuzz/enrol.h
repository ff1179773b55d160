/*
 * Both sides of an enrolment for the targets enrol_hub and enrol_device. One side is the target,
 * the other is honest and runs along, so that an input gets behind the proof of the code: it says
 * which of the honest side's messages are delivered, and what is changed in them.
 *
 * Input: "good" or "wrong" (does the honest side know the code?), then one line for each event:
 *     > {"csr": "x", "share": null}   the next honest message, with these members set or removed
 *     enrolHello {"zone": "a@b"}      a message that the input makes up; a word alone has none
 *     ~                               ten seconds pass
 *     N                               a new connection
 * and what the target itself knows (`act` of the target).
 */
#ifndef PZ_FUZZ_ENROL_H
#define PZ_FUZZ_ENROL_H

#include "zone.h"

#include <sodium.h>

#include "enrol/code.h"
#include "enrol/device.h"
#include "enrol/hub.h"
#include "enrol/message.h"
#include "wire/json.h"

#define QUEUE_MAX 8

/** Messages of the honest side that wait for a ">". */
struct fuzz_queue {
	struct {
		char status[32];
		json_t *message;
	} items[QUEUE_MAX];
	size_t head, tail;
};

struct fuzz_enrol {
	struct fuzz_world world;
	struct pz_code code;
	struct pz_enrol_hub *hub;
	struct pz_enrol_device *device;
	struct fuzz_queue queue;
	bool is_good; /* both have the same code */
	bool admits, is_name_taken;
	bool has_ended;  /* the target said its last word on this connection */
	unsigned shares; /* enrolShare sent by the hub for this code */
	unsigned admissions, proofs, requests_sent;
};

static struct fuzz_enrol w;
static struct pz_key *device_key;
static struct pz_cert *ca, *device_ca;
static struct pz_crl *crl;

static inline void
fuzz_queue_put(const char *status, json_t *message)
{
	if (w.queue.tail == QUEUE_MAX)
		return;
	snprintf(w.queue.items[w.queue.tail].status, 32, "%s", status);
	w.queue.items[w.queue.tail++].message = json_deep_copy(message);
}

static inline void
fuzz_queue_clear(void)
{
	for (; w.queue.head < w.queue.tail; w.queue.head++)
		json_decref(w.queue.items[w.queue.head].message);
	w.queue.head = w.queue.tail = 0;
}

/** Opens a connection: both sides from the beginning. */
static inline void
fuzz_connect(const struct pz_enrol_hub_ops *hub_ops, const struct pz_enrol_device_ops *device_ops)
{
	char digits[PZ_CODE_DIGITS + 1];
	struct pz_enrol_device_config config = {
		.zone = FUZZ_ZONE,
		.device = FUZZ_DEVICE,
		.display_name = "Alice's laptop",
		.device_type = "laptop",
		.code = digits,
		.ca_key = device_key,
		.sid = {1},
		.env = &w.world.env,
	};

	memcpy(digits, w.code.digits[0] ? w.code.digits : "00000000", sizeof(digits));
	if (!w.is_good)
		digits[7] = digits[7] == '0' ? '1' : '0';
	FUZZ_CHECK(pz_enrol_hub_new(config.sid, &w.world.env, hub_ops, NULL, &w.hub) == PZ_OK);
	FUZZ_CHECK(pz_enrol_device_new(&config, device_ops, NULL, &w.device, NULL) == PZ_OK);
	w.has_ended = false;
	w.shares = w.admissions = w.proofs = w.requests_sent = 0;
}

static inline void
fuzz_hang_up(void)
{
	pz_enrol_hub_free(w.hub);
	pz_enrol_device_free(w.device);
	fuzz_queue_clear();
}

/** Members of `changes` replace those of the message; null takes one away. */
static inline void
fuzz_change(json_t *message, json_t *changes)
{
	const char *key;
	json_t *value;

	json_object_foreach (changes, key, value) {
		if (json_is_null(value))
			json_object_del(message, key);
		else
			json_object_set(message, key, value);
	}
}

/** Hands the next honest message, changed, to the target. */
static inline void
fuzz_deliver(struct pz_slice text, void (*deliver)(const char *status, json_t *message))
{
	json_t *changes = pz_json_parse(text, NULL);

	if (w.queue.head < w.queue.tail) {
		size_t i = w.queue.head++;
		json_t *message = w.queue.items[i].message;
		fuzz_change(message, changes);
		deliver(w.queue.items[i].status, message);
		json_decref(message);
	}
	if (w.queue.head == w.queue.tail)
		w.queue.head = w.queue.tail = 0;
	json_decref(changes);
}

/** A message of which nothing is honest: a status, and behind a space its JSON. */
static inline void
fuzz_make_up(struct pz_slice line, void (*deliver)(const char *status, json_t *message))
{
	char *text = fuzz_text(line);
	char *space = strchr(text, ' ');
	json_t *message = NULL;

	if (space) {
		*space = '\0';
		message = pz_json_parse(pz_slice_str(space + 1), NULL);
	}
	deliver(text, message);
	json_decref(message);
	free(text);
}

/** An owner's admission: the hub is told what data/ holds for this device. */
static inline void
fuzz_admit(void)
{
	pz_code_cancel(&w.code);
	pz_enrol_hub_admitted(w.hub, device_ca, ca, crl, FUZZ_ZONE, "hub.example.org", 8040);
}

static inline void
fuzz_enrol_start(void)
{
	fuzz_start();
	FUZZ_CHECK(sodium_init() >= 0);
	device_key = fuzz_key("device-key.pem");
	ca = fuzz_cert("ca.pem");
	device_ca = fuzz_cert("device-ca.pem");
	crl = fuzz_crl("crl.pem");
}

static inline void
fuzz_enrol_begin(struct pz_slice mode)
{
	memset(&w, 0, sizeof(w));
	fuzz_world_init(&w.world);
	w.is_good = !pz_slice_eq_str(mode, "wrong");
	w.admits = true;
	pz_code_issue(&w.code, &w.world.env, NULL, 600);
}

#endif
