#include "kit/enrolment.h"
#include "enrol/message.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pz_cert *
pz_kit_enrolment_sign(const struct pz_kit_zone *zone, const char *device, const struct pz_key *key)
{
	return pz_kit_issue(zone, PZ_CERT_PZP_CA, device, key, zone->ca, zone->ca_key);
}

void
pz_kit_enrolment_deliver(struct pz_kit_enrolment *w, bool to_hub, const char *status,
			 json_t *message)
{
	if (to_hub)
		pz_enrol_hub_message(w->hub, status, message);
	else
		pz_enrol_device_message(w->device, status, message);
}

static void
put(struct pz_kit_enrolment *w, bool to_hub, const char *status, json_t *message)
{
	assert_true(w->tail < 16);
	snprintf(w->trace + strlen(w->trace), sizeof(w->trace) - strlen(w->trace), "%s%s",
		 w->trace[0] ? " " : "", status);
	if (w->deliver_at_once) {
		pz_kit_enrolment_deliver(w, to_hub, status, message);
		return;
	}
	snprintf(w->queue[w->tail].status, 32, "%s", status);
	w->queue[w->tail].message = json_deep_copy(message);
	w->queue[w->tail++].to_hub = to_hub;
}

void
pz_kit_enrolment_pump(struct pz_kit_enrolment *w)
{
	while (w->head < w->tail) {
		char *status = w->queue[w->head].status;
		json_t **message = &w->queue[w->head].message;
		bool to_hub = w->queue[w->head].to_hub;
		w->head++;
		if (!w->tamper || w->tamper(w, status, message))
			pz_kit_enrolment_deliver(w, to_hub, status, *message);
		json_decref(*message);
		*message = NULL;
	}
}

static void
hub_send(void *arg, const char *status, json_t *message)
{
	put(arg, false, status, message);
}

static struct pz_code *
hub_code(void *arg, const char *zone, const char *device)
{
	(void)device;
	struct pz_kit_enrolment *w = arg;
	return w->has_code && strcmp(zone, PZ_KIT_ZONE) == 0 ? &w->code : NULL;
}

static bool
hub_is_name_free(void *arg, const char *zone, const char *device)
{
	struct pz_kit_enrolment *w = arg;
	assert_string_equal(zone, PZ_KIT_ZONE);
	assert_non_null(device);
	w->name_questions++;
	return !w->is_name_taken;
}

void
pz_kit_enrolment_admit(struct pz_kit_enrolment *w)
{
	struct pz_cert *cert =
		pz_kit_enrolment_sign(&w->alice, w->admitted.device, w->admitted_key);
	pz_code_cancel(&w->code);
	pz_enrol_hub_admitted(w->hub, cert, w->alice.ca, w->alice.crl, w->pzh_id, w->host, w->port);
	pz_cert_free(cert);
}

static void
hub_admit(void *arg, const struct pz_enrol_request *request)
{
	struct pz_kit_enrolment *w = arg;
	w->admits++;
	w->admitted = *request;
	pz_key_free(w->admitted_key);
	w->admitted_key = pz_key_ref(request->csr_key);
	if (w->answer == PZ_KIT_ADMIT_NOW)
		pz_kit_enrolment_admit(w);
	else if (w->answer == PZ_KIT_REFUSE_NOW)
		pz_enrol_hub_refused(w->hub, PZ_ENROL_NAME_TAKEN);
}

static void
hub_failed(void *arg, const char *reason, const char *detail)
{
	struct pz_kit_enrolment *w = arg;
	assert_int_not_equal(strlen(detail), 0);
	w->hub_failures++;
	snprintf(w->hub_reason, sizeof(w->hub_reason), "%s", reason);
}

static void
device_send(void *arg, const char *status, json_t *message)
{
	put(arg, true, status, message);
}

static void
device_proven(void *arg)
{
	((struct pz_kit_enrolment *)arg)->proven++;
}

static enum pz_err
device_verify(void *arg, const struct pz_cert *master_ca, const struct pz_crl *crl,
	      struct pz_errinfo *info)
{
	struct pz_kit_enrolment *w = arg;
	assert_non_null(master_ca);
	assert_non_null(crl);
	w->verified++;
	if (w->connection_err != PZ_OK)
		return pz_fail(info, w->connection_err, "another hub's TLS certificate");
	return PZ_OK;
}

static void
device_done(void *arg, const struct pz_enrol_result *result)
{
	struct pz_kit_enrolment *w = arg;
	assert_true(pz_cert_key_matches(result->device_ca, w->device_key));
	assert_true(pz_cert_key_matches(result->master_ca, w->alice.ca_key));
	assert_int_equal(pz_crl_number(result->crl), pz_crl_number(w->alice.crl));
	assert_string_equal(result->pzh_id, PZ_KIT_ZONE);
	snprintf(w->result_host, sizeof(w->result_host), "%s", result->host);
	w->result_port = result->port;
	w->dones++;
}

static void
device_failed(void *arg, enum pz_err err, const char *reason)
{
	struct pz_kit_enrolment *w = arg;
	w->device_failures++;
	w->device_err = err;
	snprintf(w->device_reason, sizeof(w->device_reason), "%s", reason);
	assert_in_range(strlen(reason), 20, 250); /* one whole line */
	assert_null(strchr(reason, '\n'));
}

const struct pz_enrol_hub_ops pz_kit_enrolment_hub_ops = {
	.send = hub_send,
	.code = hub_code,
	.is_name_free = hub_is_name_free,
	.admit = hub_admit,
	.failed = hub_failed,
};

const struct pz_enrol_device_ops pz_kit_enrolment_device_ops = {
	.send = device_send,
	.proven = device_proven,
	.verify_connection = device_verify,
	.done = device_done,
	.failed = device_failed,
};

void
pz_kit_enrolment_hang_up(struct pz_kit_enrolment *w)
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

struct pz_enrol_device_config
pz_kit_enrolment_config(struct pz_kit_enrolment *w, const char *code)
{
	return (struct pz_enrol_device_config){
		.zone = PZ_KIT_ZONE,
		.device = PZ_KIT_DEVICE,
		.display_name = "Alice's laptop",
		.device_type = "laptop",
		.code = code,
		.ca_key = w->device_key,
		.sid = {1},
		.env = &w->clock.env,
	};
}

void
pz_kit_enrolment_connect(struct pz_kit_enrolment *w, const struct pz_enrol_device_config *config)
{
	static const uint8_t sid[PZ_ENROL_SID_BYTES] = {1};
	struct pz_errinfo info = {""};
	assert_ok(pz_enrol_hub_new(sid, &w->clock.env, &pz_kit_enrolment_hub_ops, w, &w->hub));
	assert_ok(pz_enrol_device_new(config, &pz_kit_enrolment_device_ops, w, &w->device, &info));
	pz_enrol_device_start(w->device);
}

void
pz_kit_enrolment_attempt(struct pz_kit_enrolment *w, const char *code)
{
	struct pz_enrol_device_config config = pz_kit_enrolment_config(w, code);
	pz_kit_enrolment_connect(w, &config);
	pz_kit_enrolment_pump(w);
}

const char *
pz_kit_enrolment_issue(struct pz_kit_enrolment *w, const char *device)
{
	static char digits[PZ_CODE_DIGITS + 1];
	pz_code_issue(&w->code, &w->clock.env, device, 600);
	w->has_code = true;
	memcpy(digits, w->code.digits, sizeof(digits));
	return digits;
}

const char *
pz_kit_enrolment_wrong_code(const struct pz_kit_enrolment *w)
{
	static char digits[PZ_CODE_DIGITS + 1];
	memcpy(digits, w->code.digits, sizeof(digits));
	digits[7] = digits[7] == '0' ? '1' : '0';
	return digits;
}

int
pz_kit_enrolment_setup(void **state)
{
	struct pz_kit_enrolment *w = calloc(1, sizeof(*w));
	if (!w || sodium_init() < 0)
		return -1;
	pz_kit_clock_init(&w->clock);
	pz_kit_zone_init(&w->alice, PZ_KIT_ZONE, &w->clock.env);
	pz_kit_zone_init(&w->eve, PZ_KIT_ZONE, &w->clock.env);
	assert_ok(pz_key_generate(NULL, &w->device_key, NULL));
	assert_ok(pz_key_generate(NULL, &w->other_key, NULL));
	w->pzh_id = PZ_KIT_ZONE;
	w->host = PZ_KIT_HOST;
	w->port = 8040;
	*state = w;
	return 0;
}

int
pz_kit_enrolment_teardown(void **state)
{
	struct pz_kit_enrolment *w = *state;
	pz_kit_enrolment_hang_up(w);
	pz_kit_zone_fini(&w->alice);
	pz_kit_zone_fini(&w->eve);
	pz_key_free(w->device_key);
	pz_key_free(w->other_key);
	pz_key_free(w->admitted_key);
	free(w);
	return 0;
}
