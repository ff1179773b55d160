/*
 * Target function: pz_enrol_device_message.
 * Input: see enrol.h; also: "V" the TLS connection is another hub's (or the right one's again).
 * Must hold (page 3): the request leaves only after the hub has proved that it knows the code; what
 * is believed at the end is this device's certificate by the CA of this very connection; its end is
 * reported once.
 */
#include "enrol.h"

static bool is_other_hub;

static void
on_device_send(void *arg, const char *status, json_t *message)
{
	(void)arg;
	FUZZ_CHECK(!fuzz_enrol.has_ended && json_is_object(message));
	if (strcmp(status, PZ_ENROL_HELLO) == 0) {
		pz_enrol_hub_message(fuzz_enrol.hub, status, message);
		return;
	}
	FUZZ_CHECK(strcmp(status, PZ_ENROL_REQUEST) == 0);
	FUZZ_CHECK(fuzz_enrol.is_good && fuzz_enrol.proofs == 1 && ++fuzz_enrol.requests_sent == 1);
	pz_enrol_hub_message(fuzz_enrol.hub, status, message);
}

static void
on_proven(void *arg)
{
	(void)arg;
	FUZZ_CHECK(fuzz_enrol.is_good && !fuzz_enrol.has_ended && ++fuzz_enrol.proofs == 1);
}

static bool
is_same(const struct pz_cert *a, const struct pz_cert *b)
{
	uint8_t print_a[32], print_b[32];

	pz_cert_fingerprint(a, print_a);
	pz_cert_fingerprint(b, print_b);
	return memcmp(print_a, print_b, sizeof(print_a)) == 0;
}

static enum pz_err
on_verify(void *arg, const struct pz_cert *master_ca, const struct pz_crl *list,
	  struct pz_errinfo *info)
{
	(void)arg;
	FUZZ_CHECK(list != NULL);
	if (is_other_hub || !is_same(master_ca, fuzz_ca))
		return pz_fail(info, PZ_ERR_DENIED_CHAIN, "another hub's TLS certificate");
	return PZ_OK;
}

static void
on_done(void *arg, const struct pz_enrol_result *result)
{
	char zone[PZ_ZONE_BYTES_MAX + 1], device[PZ_DEVICE_BYTES_MAX + 1];
	char serial[PZ_SERIAL_HEX_BYTES];

	(void)arg;
	FUZZ_CHECK(fuzz_enrol.is_good && !fuzz_enrol.has_ended && !is_other_hub &&
		   fuzz_enrol.requests_sent == 1);
	FUZZ_CHECK(is_same(result->master_ca, fuzz_ca) && strcmp(result->pzh_id, FUZZ_ZONE) == 0);
	FUZZ_CHECK(pz_cert_key_matches(result->device_ca, fuzz_device_key));
	FUZZ_CHECK(pz_cert_identity(result->device_ca, zone, device) == PZ_OK);
	FUZZ_CHECK(strcmp(zone, FUZZ_ZONE) == 0 && strcmp(device, FUZZ_DEVICE) == 0);
	FUZZ_CHECK(pz_crl_verify(result->crl, fuzz_ca, NULL) == PZ_OK && result->port > 0);
	pz_cert_serial_hex(result->device_ca, serial);
	FUZZ_CHECK(!pz_crl_has_serial(result->crl, serial));
	fuzz_enrol.has_ended = true;
}

static void
on_device_failed(void *arg, enum pz_err err, const char *reason)
{
	(void)arg;
	FUZZ_CHECK(!fuzz_enrol.has_ended && err != PZ_OK && reason[0] != '\0');
	FUZZ_CHECK(strchr(reason, '\n') == NULL);
	fuzz_enrol.has_ended = true;
}

static const struct pz_enrol_device_ops device_ops = {
	.send = on_device_send,
	.proven = on_proven,
	.verify_connection = on_verify,
	.done = on_done,
	.failed = on_device_failed,
};

/* ---- the honest hub ---- */

static void
on_hub_send(void *arg, const char *status, json_t *message)
{
	(void)arg;
	fuzz_queue_put(status, message);
}

static struct pz_code *
on_code(void *arg, const char *zone, const char *device)
{
	(void)device;
	(void)arg;
	FUZZ_CHECK(strcmp(zone, FUZZ_ZONE) == 0);
	return &fuzz_enrol.code;
}

static bool
on_is_name_free(void *arg, const char *zone, const char *device)
{
	(void)arg;
	(void)zone;
	(void)device;
	return true;
}

static void
on_admit(void *arg, const struct pz_enrol_request *request)
{
	(void)arg;
	(void)request;
	fuzz_admit();
}

static void
on_hub_failed(void *arg, const char *reason, const char *detail)
{
	(void)arg;
	FUZZ_CHECK(reason[0] != '\0' && detail[0] != '\0');
}

static const struct pz_enrol_hub_ops hub_ops = {
	.send = on_hub_send,
	.code = on_code,
	.is_name_free = on_is_name_free,
	.admit = on_admit,
	.failed = on_hub_failed,
};

/* ---- events ---- */

static void
deliver(const char *status, json_t *message)
{
	pz_enrol_device_message(fuzz_enrol.device, status, message);
}

/* What comes before the start is ignored or an error, never more. */
static bool
begin(size_t size)
{
	is_other_hub = false;
	return size % 7 != 3;
}

static void
again(void)
{
	pz_code_issue(&fuzz_enrol.code, &fuzz_enrol.clock.env, NULL, 600);
}

static bool
act(char event)
{
	if (event == 'V')
		is_other_hub = !is_other_hub;
	return event == 'V';
}

const struct fuzz_enrol_target fuzz_enrol_target = {
	.hub_ops = &hub_ops,
	.device_ops = &device_ops,
	.deliver = deliver,
	.begin = begin,
	.again = again,
	.act = act,
};
