/*
 * Target functions: pz_enrol_hub_message, _admitted, _refused; pz_code_*.
 * Input: see enrol.h; also: "I" issues a code, "C" cancels it, "T" the name is taken (or free
 * again), "L" the owner admits later, "A" and "R" it admits or refuses now.
 * Must hold (page 3, page 14 ENR): only a device that knows the code is admitted, with
 * the key that has signed the request and under the name that it claimed; a code answers
 * PZ_CODE_TRIES_MAX times at most; nothing is sent after the end.
 */
#include "enrol.h"

static unsigned answers; /* enrolShare for the code that is out */
static bool is_waiting;  /* for the owner */

static void
on_hub_send(void *arg, const char *status, json_t *message)
{
	(void)arg;
	FUZZ_CHECK(!fuzz_enrol.has_ended && json_is_object(message));
	if (strcmp(status, PZ_ENROL_SHARE) == 0) {
		FUZZ_CHECK(++answers <= PZ_CODE_TRIES_MAX && ++fuzz_enrol.shares == 1);
		pz_enrol_device_message(fuzz_enrol.device, status, message);
	} else if (strcmp(status, PZ_ENROL_SIGNED) == 0) {
		FUZZ_CHECK(fuzz_enrol.admissions == 1);
		pz_enrol_device_message(fuzz_enrol.device, status, message);
	} else {
		FUZZ_CHECK(strcmp(status, PZ_ENROL_ERROR) == 0);
		FUZZ_CHECK(pz_json_str(message, "reason") != NULL);
	}
}

static struct pz_code *
on_code(void *arg, const char *zone, const char *device)
{
	(void)device;
	(void)arg;
	return strcmp(zone, FUZZ_ZONE) == 0 ? &fuzz_enrol.code : NULL;
}

static bool
on_is_name_free(void *arg, const char *zone, const char *device)
{
	(void)arg;
	FUZZ_CHECK(strcmp(zone, FUZZ_ZONE) == 0 && strcmp(device, FUZZ_DEVICE) == 0);
	return !fuzz_enrol.is_name_taken;
}

static void
on_admit(void *arg, const struct pz_enrol_request *request)
{
	(void)arg;
	FUZZ_CHECK(fuzz_enrol.is_good && ++fuzz_enrol.admissions == 1 && !fuzz_enrol.is_name_taken);
	FUZZ_CHECK(pz_code_is_live(&fuzz_enrol.code, &fuzz_enrol.clock.env));
	FUZZ_CHECK(strcmp(request->zone, FUZZ_ZONE) == 0);
	FUZZ_CHECK(strcmp(request->device, FUZZ_DEVICE) == 0);
	FUZZ_CHECK(request->display_name[0] != '\0' && request->device_type[0] != '\0');
	FUZZ_CHECK(pz_cert_key_matches(fuzz_device_ca, request->csr_key));
	is_waiting = !fuzz_enrol.admits;
	if (fuzz_enrol.admits)
		fuzz_admit();
}

static void
on_hub_failed(void *arg, const char *reason, const char *detail)
{
	(void)arg;
	FUZZ_CHECK(!fuzz_enrol.has_ended && reason[0] != '\0' && detail[0] != '\0');
	fuzz_enrol.has_ended = true;
}

static const struct pz_enrol_hub_ops hub_ops = {
	.send = on_hub_send,
	.code = on_code,
	.is_name_free = on_is_name_free,
	.admit = on_admit,
	.failed = on_hub_failed,
};

/* ---- the honest device ---- */

static void
on_device_send(void *arg, const char *status, json_t *message)
{
	(void)arg;
	fuzz_queue_put(status, message);
}

static enum pz_err
on_verify(void *arg, const struct pz_cert *master_ca, const struct pz_crl *list,
	  struct pz_errinfo *info)
{
	(void)arg;
	(void)master_ca;
	(void)list;
	(void)info;
	return PZ_OK;
}

static void
on_done(void *arg, const struct pz_enrol_result *result)
{
	(void)arg;
	FUZZ_CHECK(fuzz_enrol.admissions == 1 && strcmp(result->pzh_id, FUZZ_ZONE) == 0);
}

static void
on_device_failed(void *arg, enum pz_err err, const char *reason)
{
	(void)arg;
	FUZZ_CHECK(err != PZ_OK && reason[0] != '\0');
}

static const struct pz_enrol_device_ops device_ops = {
	.send = on_device_send,
	.verify_connection = on_verify,
	.done = on_done,
	.failed = on_device_failed,
};

/* ---- events ---- */

static void
deliver(const char *status, json_t *message)
{
	pz_enrol_hub_message(fuzz_enrol.hub, status, message);
}

static bool
begin(size_t size)
{
	(void)size;
	answers = 0;
	is_waiting = false;
	return true;
}

static void
again(void)
{
	is_waiting = false;
	fuzz_enrol.code.claimed =
		false; /* its owner does so: the device left before it was stored */
}

static void
decide(bool admits)
{
	if (!is_waiting)
		return;
	is_waiting = false;
	if (admits)
		fuzz_admit();
	else
		pz_enrol_hub_refused(fuzz_enrol.hub, PZ_ENROL_NAME_TAKEN);
}

static bool
act(char event)
{
	switch (event) {
	case 'I':
		pz_code_issue(&fuzz_enrol.code, &fuzz_enrol.clock.env, NULL, 60);
		answers = 0;
		return true;
	case 'C':
		pz_code_cancel(&fuzz_enrol.code);
		return true;
	case 'T':
		fuzz_enrol.is_name_taken = !fuzz_enrol.is_name_taken;
		return true;
	case 'L':
		fuzz_enrol.admits = !fuzz_enrol.admits;
		return true;
	case 'A':
	case 'R':
		decide(event == 'A');
		return true;
	default:
		return false;
	}
}

const struct fuzz_enrol_target fuzz_enrol_target = {
	.hub_ops = &hub_ops,
	.device_ops = &device_ops,
	.deliver = deliver,
	.begin = begin,
	.again = again,
	.act = act,
};
