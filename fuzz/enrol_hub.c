/*
 * Target functions: pz_enrol_hub_message, _admitted, _refused; pz_code_*.
 * Input: see enrol.h; also: "I" issues a code, "C" cancels it, "T" the name is taken (or free
 * again), "L" the owner admits later, "A" and "R" it admits or refuses now.
 * Must hold (page 3, page 14 ENR): nobody is admitted who does not know the code, and whoever is
 * admitted is who has signed the request, under the name that was claimed; a code answers
 * PZ_CODE_TRIES_MAX times at most; nothing is sent after the last word.
 */
#include "enrol.h"

static unsigned answers; /* enrolShare for the code that is out */
static bool is_waiting;  /* for the owner */

static void
on_hub_send(void *arg, const char *status, json_t *message)
{
	(void)arg;
	FUZZ_CHECK(!w.has_ended && json_is_object(message));
	if (strcmp(status, PZ_ENROL_SHARE) == 0) {
		FUZZ_CHECK(++answers <= PZ_CODE_TRIES_MAX && ++w.shares == 1);
		pz_enrol_device_message(w.device, status, message);
	} else if (strcmp(status, PZ_ENROL_SIGNED) == 0) {
		FUZZ_CHECK(w.admissions == 1);
		pz_enrol_device_message(w.device, status, message);
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
	return strcmp(zone, FUZZ_ZONE) == 0 ? &w.code : NULL;
}

static bool
on_is_name_free(void *arg, const char *zone, const char *device)
{
	(void)arg;
	FUZZ_CHECK(strcmp(zone, FUZZ_ZONE) == 0 && strcmp(device, FUZZ_DEVICE) == 0);
	return !w.is_name_taken;
}

static void
on_admit(void *arg, const struct pz_enrol_request *request)
{
	(void)arg;
	FUZZ_CHECK(w.is_good && ++w.admissions == 1 && !w.is_name_taken);
	FUZZ_CHECK(pz_code_is_live(&w.code, &w.world.env));
	FUZZ_CHECK(strcmp(request->zone, FUZZ_ZONE) == 0);
	FUZZ_CHECK(strcmp(request->device, FUZZ_DEVICE) == 0);
	FUZZ_CHECK(request->display_name[0] != '\0' && request->device_type[0] != '\0');
	FUZZ_CHECK(pz_cert_key_matches(device_ca, request->csr_key));
	is_waiting = !w.admits;
	if (w.admits)
		fuzz_admit();
}

static void
on_hub_failed(void *arg, const char *reason, const char *detail)
{
	(void)arg;
	FUZZ_CHECK(!w.has_ended && reason[0] != '\0' && detail[0] != '\0');
	w.has_ended = true;
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
	FUZZ_CHECK(w.admissions == 1 && strcmp(result->pzh_id, FUZZ_ZONE) == 0);
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
	pz_enrol_hub_message(w.hub, status, message);
}

static void
connect_again(void)
{
	fuzz_hang_up();
	is_waiting = false;
	w.code.claimed = false; /* as an owner does whose device went away before it was stored */
	fuzz_connect(&hub_ops, &device_ops);
	pz_enrol_device_start(w.device);
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
		pz_enrol_hub_refused(w.hub, PZ_ENROL_NAME_TAKEN);
}

static void
act(struct pz_slice line)
{
	switch (line.len > 0 ? line.ptr[0] : 0) {
	case '>':
		fuzz_deliver(pz_slice_of(line.ptr + 1, line.len - 1), deliver);
		break;
	case '~':
		fuzz_pass(&w.world, 10 * PZ_US_PER_S);
		break;
	case 'N':
		connect_again();
		break;
	case 'I':
		pz_code_issue(&w.code, &w.world.env, NULL, 60);
		answers = 0;
		break;
	case 'C':
		pz_code_cancel(&w.code);
		break;
	case 'T':
		w.is_name_taken = !w.is_name_taken;
		break;
	case 'L':
		w.admits = !w.admits;
		break;
	case 'A':
	case 'R':
		decide(line.ptr[0] == 'A');
		break;
	default:
		fuzz_make_up(line, deliver);
		break;
	}
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_enrol_start();
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pz_slice rest = pz_slice_of(data, size);

	answers = 0;
	is_waiting = false;
	fuzz_enrol_begin(fuzz_line(&rest));
	fuzz_connect(&hub_ops, &device_ops);
	pz_enrol_device_start(w.device);
	while (rest.len > 0)
		act(fuzz_line(&rest));
	fuzz_hang_up();
	FUZZ_CHECK(pz_timers_next_us(&w.world.timers) == UINT64_MAX);
	return 0;
}
