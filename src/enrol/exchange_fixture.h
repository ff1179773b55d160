/* Both sides of an enrolment in one process, for the tests of this module: a zone with real keys, a
 * clock, and a wire whose messages a test may change. */
#ifndef PZ_ENROL_EXCHANGE_FIXTURE_H
#define PZ_ENROL_EXCHANGE_FIXTURE_H

#include "kit/test.h"

#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timer.h"
#include "enrol/code.h"
#include "enrol/device.h"
#include "enrol/hub.h"
#include "enrol/message.h"
#include "kit/clock.h"
#include "kit/zone.h"
#include "x509/cert.h"
#include "x509/crl.h"
#include "x509/csr.h"
#include "x509/key.h"

#define ZONE PZ_KIT_ZONE
#define DEVICE "laptop"
#define HOST PZ_KIT_HOST

enum answer { ADMIT_NOW, ADMIT_LATER, REFUSE_NOW };

struct world;
/** Changes a message on its way (decref and replace *message as needed); false: it is lost. */
typedef bool (*tamper_fn)(struct world *w, char status[32], json_t **message);

struct world {
	/* outer world */
	struct pz_kit_clock clock;

	/* the hub's owner */
	struct pz_kit_zone alice, eve; /* eve's names the same zone */
	struct pz_code code;
	bool has_code, is_name_taken;
	enum answer answer;
	const char *pzh_id, *host;
	uint16_t port;
	struct pz_enrol_request admitted; /* copy, csr_key not valid */
	struct pz_key *admitted_key;      /* reference */
	int admits, name_questions, hub_failures;
	char hub_reason[32];

	/* the device's owner */
	struct pz_key *device_key, *other_key;
	int proven, verified, dones, device_failures;
	enum pz_err device_err, connection_err;
	char device_reason[256];
	char result_host[64];
	uint16_t result_port;

	/* the wire */
	struct pz_enrol_hub *hub;
	struct pz_enrol_device *device;
	struct {
		bool to_hub;
		char status[32];
		json_t *message;
	} queue[16];
	size_t head, tail;
	bool deliver_at_once;
	tamper_fn tamper;
	const char *tamper_status, *tamper_key; /* for the tamper function */
	char trace[256];                        /* every status sent, space-separated */
};

/** A PZP CA certificate of that zone. */
static inline struct pz_cert *
sign(const struct pz_kit_zone *zone, const char *device, const struct pz_key *key)
{
	return pz_kit_issue(zone, PZ_CERT_PZP_CA, device, key, zone->ca, zone->ca_key);
}

static inline void
deliver(struct world *w, bool to_hub, const char *status, json_t *message)
{
	if (to_hub)
		pz_enrol_hub_message(w->hub, status, message);
	else
		pz_enrol_device_message(w->device, status, message);
}

static inline void
put(struct world *w, bool to_hub, const char *status, json_t *message)
{
	assert_true(w->tail < 16);
	snprintf(w->trace + strlen(w->trace), sizeof(w->trace) - strlen(w->trace), "%s%s",
		 w->trace[0] ? " " : "", status);
	if (w->deliver_at_once) {
		deliver(w, to_hub, status, message);
		return;
	}
	snprintf(w->queue[w->tail].status, 32, "%s", status);
	w->queue[w->tail].message = json_deep_copy(message);
	w->queue[w->tail++].to_hub = to_hub;
}

/** Delivers until no message waits. */
static inline void
pump(struct world *w)
{
	while (w->head < w->tail) {
		char *status = w->queue[w->head].status;
		json_t **message = &w->queue[w->head].message;
		bool to_hub = w->queue[w->head].to_hub;
		w->head++;
		if (!w->tamper || w->tamper(w, status, message))
			deliver(w, to_hub, status, *message);
		json_decref(*message);
		*message = NULL;
	}
}

static inline void
hub_send(void *arg, const char *status, json_t *message)
{
	put(arg, false, status, message);
}

static inline struct pz_code *
hub_code(void *arg, const char *zone, const char *device)
{
	(void)device;
	struct world *w = arg;
	return w->has_code && strcmp(zone, ZONE) == 0 ? &w->code : NULL;
}

static inline bool
hub_is_name_free(void *arg, const char *zone, const char *device)
{
	struct world *w = arg;
	assert_string_equal(zone, ZONE);
	assert_non_null(device);
	w->name_questions++;
	return !w->is_name_taken;
}

/** What an owner does once the device is on disk. */
static inline void
admit(struct world *w)
{
	struct pz_cert *cert = sign(&w->alice, w->admitted.device, w->admitted_key);
	pz_code_cancel(&w->code);
	pz_enrol_hub_admitted(w->hub, cert, w->alice.ca, w->alice.crl, w->pzh_id, w->host, w->port);
	pz_cert_free(cert);
}

static inline void
hub_admit(void *arg, const struct pz_enrol_request *request)
{
	struct world *w = arg;
	w->admits++;
	w->admitted = *request;
	pz_key_free(w->admitted_key);
	w->admitted_key = pz_key_ref(request->csr_key);
	if (w->answer == ADMIT_NOW)
		admit(w);
	else if (w->answer == REFUSE_NOW)
		pz_enrol_hub_refused(w->hub, PZ_ENROL_NAME_TAKEN);
}

static inline void
hub_failed(void *arg, const char *reason, const char *detail)
{
	struct world *w = arg;
	assert_int_not_equal(strlen(detail), 0);
	w->hub_failures++;
	snprintf(w->hub_reason, sizeof(w->hub_reason), "%s", reason);
}

static inline void
device_send(void *arg, const char *status, json_t *message)
{
	put(arg, true, status, message);
}

static inline void
device_proven(void *arg)
{
	((struct world *)arg)->proven++;
}

static inline enum pz_err
device_verify(void *arg, const struct pz_cert *master_ca, const struct pz_crl *crl,
	      struct pz_errinfo *info)
{
	struct world *w = arg;
	assert_non_null(master_ca);
	assert_non_null(crl);
	w->verified++;
	if (w->connection_err != PZ_OK)
		return pz_fail(info, w->connection_err, "another hub's TLS certificate");
	return PZ_OK;
}

static inline void
device_done(void *arg, const struct pz_enrol_result *result)
{
	struct world *w = arg;
	assert_true(pz_cert_key_matches(result->device_ca, w->device_key));
	assert_true(pz_cert_key_matches(result->master_ca, w->alice.ca_key));
	assert_int_equal(pz_crl_number(result->crl), pz_crl_number(w->alice.crl));
	assert_string_equal(result->pzh_id, ZONE);
	snprintf(w->result_host, sizeof(w->result_host), "%s", result->host);
	w->result_port = result->port;
	w->dones++;
}

static inline void
device_failed(void *arg, enum pz_err err, const char *reason)
{
	struct world *w = arg;
	w->device_failures++;
	w->device_err = err;
	snprintf(w->device_reason, sizeof(w->device_reason), "%s", reason);
	assert_in_range(strlen(reason), 20, 250); /* one whole line */
	assert_null(strchr(reason, '\n'));
}

static const struct pz_enrol_hub_ops hub_ops = {
	.send = hub_send,
	.code = hub_code,
	.is_name_free = hub_is_name_free,
	.admit = hub_admit,
	.failed = hub_failed,
};

static const struct pz_enrol_device_ops device_ops = {
	.send = device_send,
	.proven = device_proven,
	.verify_connection = device_verify,
	.done = device_done,
	.failed = device_failed,
};

/** Ends both sides and what is on the wire; the owners' state stays. */
static inline void
hang_up(struct world *w)
{
	pz_enrol_hub_free(w->hub);
	pz_enrol_device_free(w->device);
	w->hub = NULL;
	w->device = NULL;
	for (; w->head < w->tail; w->head++)
		json_decref(w->queue[w->head].message);
	w->head = w->tail = 0;
	w->trace[0] = '\0';
	w->proven = w->verified = w->dones = w->device_failures = w->hub_failures = 0;
	w->admits = w->name_questions = 0;
	w->device_err = PZ_OK;
	w->hub_reason[0] = w->device_reason[0] = '\0';
	w->tamper = NULL;
}

/** The same connection on both sides: sid[0] = 1. */
static inline struct pz_enrol_device_config
device_config(struct world *w, const char *code)
{
	return (struct pz_enrol_device_config){
		.zone = ZONE,
		.device = DEVICE,
		.display_name = "Alice's laptop",
		.device_type = "laptop",
		.code = code,
		.ca_key = w->device_key,
		.sid = {1},
		.env = &w->clock.env,
	};
}

/** Connects a hub session with a device. */
static inline void
connect_with(struct world *w, const struct pz_enrol_device_config *config)
{
	static const uint8_t sid[PZ_ENROL_SID_BYTES] = {1};
	struct pz_errinfo info = {""};
	assert_int_equal(pz_enrol_hub_new(sid, &w->clock.env, &hub_ops, w, &w->hub), PZ_OK);
	assert_int_equal(pz_enrol_device_new(config, &device_ops, w, &w->device, &info), PZ_OK);
	pz_enrol_device_start(w->device);
}

/** One whole attempt with this code; ends when no message waits. */
static inline void
attempt(struct world *w, const char *code)
{
	struct pz_enrol_device_config config = device_config(w, code);
	connect_with(w, &config);
	pump(w);
}

/** The code that the owner reads out; valid until the next call. */
static inline const char *
issue(struct world *w, const char *device)
{
	static char digits[PZ_CODE_DIGITS + 1];
	pz_code_issue(&w->code, &w->clock.env, device, 600);
	w->has_code = true;
	memcpy(digits, w->code.digits, sizeof(digits));
	return digits;
}

/** Another code than the live one. */
static inline const char *
wrong_code(const struct world *w)
{
	static char digits[PZ_CODE_DIGITS + 1];
	memcpy(digits, w->code.digits, sizeof(digits));
	digits[7] = digits[7] == '0' ? '1' : '0';
	return digits;
}

static inline int
world_setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	if (!w || sodium_init() < 0)
		return -1;
	pz_kit_clock_init(&w->clock);
	pz_kit_zone_init(&w->alice, ZONE, &w->clock.env);
	pz_kit_zone_init(&w->eve, ZONE, &w->clock.env);
	assert_int_equal(pz_key_generate(NULL, &w->device_key, NULL), PZ_OK);
	assert_int_equal(pz_key_generate(NULL, &w->other_key, NULL), PZ_OK);
	w->pzh_id = ZONE;
	w->host = HOST;
	w->port = 8040;
	*state = w;
	return 0;
}

static inline int
world_teardown(void **state)
{
	struct world *w = *state;
	hang_up(w);
	pz_kit_zone_fini(&w->alice);
	pz_kit_zone_fini(&w->eve);
	pz_key_free(w->device_key);
	pz_key_free(w->other_key);
	pz_key_free(w->admitted_key);
	free(w);
	return 0;
}

#define world_test(fn) cmocka_unit_test_setup_teardown(fn, world_setup, world_teardown)

#endif
