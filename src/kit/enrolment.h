/* Both sides of an enrolment in one process: a zone with real keys, a clock, and a wire whose
 * messages a test may change. */
#ifndef PZ_KIT_ENROLMENT_H
#define PZ_KIT_ENROLMENT_H

#include "kit/test.h"

#include <jansson.h>

#include "enrol/code.h"
#include "enrol/device.h"
#include "enrol/hub.h"
#include "kit/clock.h"
#include "kit/zone.h"

/** The name that the device asks for. */
#define PZ_KIT_DEVICE "laptop"

/** What the hub's owner does with a request. */
enum pz_kit_answer { PZ_KIT_ADMIT_NOW, PZ_KIT_ADMIT_LATER, PZ_KIT_REFUSE_NOW };

struct pz_kit_enrolment;
/** Changes a message on its way (decref and replace *message as needed); false: it is lost. */
typedef bool (*pz_kit_tamper_fn)(struct pz_kit_enrolment *w, char status[32], json_t **message);

/** Both sides, their owners and the wire between them. */
struct pz_kit_enrolment {
	/* outer world */
	struct pz_kit_clock clock;

	/* the hub's owner */
	struct pz_kit_zone alice, eve; /* eve's names the same zone */
	struct pz_code code;
	bool has_code, is_name_taken;
	enum pz_kit_answer answer;
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
	pz_kit_tamper_fn tamper;
	const char *tamper_status, *tamper_key; /* for the tamper function */
	char trace[256];                        /* every status sent, space-separated */
};

/** The operations of the two owners; their `arg` is the enrolment. */
extern const struct pz_enrol_hub_ops pz_kit_enrolment_hub_ops;
extern const struct pz_enrol_device_ops pz_kit_enrolment_device_ops;

/** A PZP CA certificate of that zone. */
struct pz_cert *
pz_kit_enrolment_sign(const struct pz_kit_zone *zone, const char *device, const struct pz_key *key);
/** Hands a message to one side. */
void pz_kit_enrolment_deliver(struct pz_kit_enrolment *w, bool to_hub, const char *status,
			      json_t *message);
/** Delivers until no message waits; `tamper` may change or drop each. */
void pz_kit_enrolment_pump(struct pz_kit_enrolment *w);
/** What an owner does once the device is on disk. */
void pz_kit_enrolment_admit(struct pz_kit_enrolment *w);
/** Ends both sides and what is on the wire; the owners' state stays. */
void pz_kit_enrolment_hang_up(struct pz_kit_enrolment *w);
/** The same connection on both sides: sid[0] = 1. */
struct pz_enrol_device_config pz_kit_enrolment_config(struct pz_kit_enrolment *w, const char *code);
/** Connects a hub session with a device. */
void
pz_kit_enrolment_connect(struct pz_kit_enrolment *w, const struct pz_enrol_device_config *config);
/** One whole attempt with this code; ends when no message waits. */
void pz_kit_enrolment_attempt(struct pz_kit_enrolment *w, const char *code);
/** The code that the owner reads out; valid until the next call. */
const char *pz_kit_enrolment_issue(struct pz_kit_enrolment *w, const char *device);
/** Another code than the live one. */
const char *pz_kit_enrolment_wrong_code(const struct pz_kit_enrolment *w);
/** Set-up of a cmocka test: a hub and a device that do not know each other. */
int pz_kit_enrolment_setup(void **state);
/** Tear-down of a cmocka test. */
int pz_kit_enrolment_teardown(void **state);

#define pz_kit_enrolment_test(fn)                                                                  \
	cmocka_unit_test_setup_teardown(fn, pz_kit_enrolment_setup, pz_kit_enrolment_teardown)

#endif
