/* Both sides against each other: the good case, wrong codes, and every message altered in
 * transit. */
#include "kit/test.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "enrol/message.h"
#include "kit/enrolment.h"
#include "x509/csr.h"

#include "base/codec.h"

static void
assert_enrolled(const struct pz_kit_enrolment *w)
{
	assert_int_equal(w->dones, 1);
	assert_int_equal(w->device_failures, 0);
	assert_int_equal(w->hub_failures, 0);
	assert_int_equal(w->proven, 1);
	assert_int_equal(w->verified, 1);
	assert_int_equal(w->admits, 1);
	assert_string_equal(w->trace, "enrolHello enrolShare enrollPzp signedCert");
}

static void
enrols(void **state)
{
	struct pz_kit_enrolment *w = *state;
	pz_kit_enrolment_attempt(w, pz_kit_enrolment_issue(w, NULL));
	assert_enrolled(w);
	assert_string_equal(w->admitted.zone, PZ_KIT_ZONE);
	assert_string_equal(w->admitted.device, PZ_KIT_DEVICE);
	assert_string_equal(w->admitted.display_name, "Alice's laptop");
	assert_string_equal(w->admitted.device_type, "laptop");
	assert_string_equal(w->result_host, PZ_KIT_HOST);
	assert_int_equal(w->result_port, 8040);
	assert_string_equal(pz_enrol_hub_zone(w->hub), PZ_KIT_ZONE);
	assert_string_equal(pz_enrol_hub_device(w->hub), PZ_KIT_DEVICE);
	assert_false(pz_code_is_live(&w->code, &w->clock.env));
}

static void
enrols_when_answers_come_at_once(void **state)
{
	struct pz_kit_enrolment *w = *state;
	w->deliver_at_once = true;
	pz_kit_enrolment_attempt(w, pz_kit_enrolment_issue(w, PZ_KIT_DEVICE));
	assert_enrolled(w);
}

static void
enrols_without_timers_and_with_slow_storage(void **state)
{
	struct pz_kit_enrolment *w = *state;
	w->clock.env.timers = NULL;
	w->answer = PZ_KIT_ADMIT_LATER;
	pz_kit_enrolment_attempt(w, pz_kit_enrolment_issue(w, NULL));
	assert_int_equal(w->admits, 1);
	assert_int_equal(w->dones, 0);
	pz_kit_enrolment_admit(w);
	pz_kit_enrolment_pump(w);
	assert_enrolled(w);
}

static void
a_code_works_once(void **state)
{
	struct pz_kit_enrolment *w = *state;
	const char *code = pz_kit_enrolment_issue(w, NULL);
	pz_kit_enrolment_attempt(w, code);
	assert_enrolled(w);
	pz_kit_enrolment_hang_up(w);
	pz_kit_enrolment_attempt(w, code);
	assert_int_equal(w->device_err, PZ_ERR_DENIED_CODE);
	assert_string_equal(w->hub_reason, PZ_ENROL_EXPIRED);
	assert_string_equal(w->trace, "enrolHello enrolError");
}

static void
wrong_code_stops_the_device_at_tag_b(void **state)
{
	struct pz_kit_enrolment *w = *state;
	pz_kit_enrolment_issue(w, NULL);
	pz_kit_enrolment_attempt(w, pz_kit_enrolment_wrong_code(w));
	assert_string_equal(w->trace, "enrolHello enrolShare"); /* no CSR */
	assert_int_equal(w->proven, 0);
	assert_int_equal(w->device_failures, 1);
	assert_int_equal(w->device_err, PZ_ERR_DENIED_CODE);
	assert_non_null(strstr(w->device_reason, "the code is wrong"));
	assert_non_null(strstr(w->device_reason, "pzh token"));
	assert_null(strstr(w->device_reason, pz_kit_enrolment_wrong_code(w)));
	assert_int_equal(w->code.attempts, 1);
	/* nothing is left behind: the right code still works on a new connection */
	pz_kit_enrolment_hang_up(w);
	pz_kit_enrolment_attempt(w, w->code.digits);
	assert_enrolled(w);
}

static void
the_sixth_attempt_of_an_address_waits(void **state)
{
	struct pz_kit_enrolment *w = *state;
	char code[PZ_CODE_DIGITS + 1];
	memcpy(code, pz_kit_enrolment_issue(w, NULL), sizeof(code));
	for (int i = 0; i < PZ_CODE_ATTEMPTS_MAX; i++) {
		pz_kit_enrolment_attempt(w, pz_kit_enrolment_wrong_code(w));
		assert_int_equal(w->device_err, PZ_ERR_DENIED_CODE);
		pz_kit_enrolment_hang_up(w);
	}
	pz_kit_enrolment_attempt(w, code);
	assert_string_equal(w->hub_reason, PZ_ENROL_ATTEMPTS);
	assert_int_equal(w->device_err, PZ_ERR_DENIED_CODE);
	assert_non_null(strstr(w->device_reason, "too often"));
	assert_true(pz_code_is_live(&w->code, &w->clock.env)); /* for others, and later */
	pz_kit_enrolment_hang_up(w);
	pz_kit_clock_jump(&w->clock, PZ_CODE_WAIT_US);
	pz_kit_enrolment_attempt(w, code);
	assert_enrolled(w);
}

static void
fifth_attempt_still_works(void **state)
{
	struct pz_kit_enrolment *w = *state;
	pz_kit_enrolment_issue(w, NULL);
	for (int i = 0; i < PZ_CODE_ATTEMPTS_MAX - 1; i++) {
		pz_kit_enrolment_attempt(w, pz_kit_enrolment_wrong_code(w));
		pz_kit_enrolment_hang_up(w);
	}
	pz_kit_enrolment_attempt(w, w->code.digits);
	assert_enrolled(w);
}

static void
expired_code_is_refused(void **state)
{
	struct pz_kit_enrolment *w = *state;
	const char *code = pz_kit_enrolment_issue(w, NULL);
	pz_kit_clock_jump(&w->clock, 600 * PZ_US_PER_S);
	pz_kit_enrolment_attempt(w, code);
	assert_string_equal(w->hub_reason, PZ_ENROL_EXPIRED);
	assert_int_equal(w->device_err, PZ_ERR_DENIED_CODE);
	assert_non_null(strstr(w->device_reason, "no live code"));
}

/* ---- a man in the middle ---- */

static void
another_connection_is_another_exchange(void **state)
{
	struct pz_kit_enrolment *w = *state;
	struct pz_enrol_device_config config =
		pz_kit_enrolment_config(w, pz_kit_enrolment_issue(w, NULL));
	config.sid[31] ^= 1; /* relayed: the two TLS connections have different exporters */
	pz_kit_enrolment_connect(w, &config);
	pz_kit_enrolment_pump(w);
	assert_string_equal(w->trace, "enrolHello enrolShare");
	assert_int_equal(w->device_err, PZ_ERR_DENIED_CODE);
}

static void
replace_text(struct pz_kit_enrolment *w, json_t **message, const char *text)
{
	assert_int_equal(json_object_set_new(*message, w->tamper_key, json_string(text)), 0);
}

/** A valid share, but another. */
static bool
swap_share(struct pz_kit_enrolment *w, char status[32], json_t **message)
{
	uint8_t share[32];
	if (strcmp(status, w->tamper_status) == 0) {
		crypto_core_ristretto255_random(share);
		assert_ok(pz_enrol_set_bytes(*message, "share", pz_slice_of(share, sizeof(share))));
	}
	return true;
}

static bool
swap_neutral(struct pz_kit_enrolment *w, char status[32], json_t **message)
{
	static const uint8_t neutral[32];
	if (strcmp(status, w->tamper_status) == 0)
		assert_ok(pz_enrol_set_bytes(*message, "share", pz_slice_of(neutral, 32)));
	return true;
}

static bool
flip_tag(struct pz_kit_enrolment *w, char status[32], json_t **message)
{
	uint8_t tag[PZ_ENROL_TAG_BYTES];
	if (strcmp(status, w->tamper_status) == 0) {
		assert_true(pz_enrol_bytes(*message, "confirm", tag, sizeof(tag)));
		tag[63] ^= 1;
		assert_ok(pz_enrol_set_bytes(*message, "confirm", pz_slice_of(tag, sizeof(tag))));
	}
	return true;
}

static bool
swap_device(struct pz_kit_enrolment *w, char status[32], json_t **message)
{
	if (strcmp(status, w->tamper_status) == 0)
		replace_text(w, message, "desktop");
	return true;
}

static bool
swap_zone(struct pz_kit_enrolment *w, char status[32], json_t **message)
{
	if (strcmp(status, w->tamper_status) == 0)
		replace_text(w, message, "mallory@example.org");
	return true;
}

/** A good request for the right name, but for the key of another device. */
static bool
swap_csr(struct pz_kit_enrolment *w, char status[32], json_t **message)
{
	const struct pz_cert_subject subject = {.zone = PZ_KIT_ZONE, .device = PZ_KIT_DEVICE};
	struct pz_buf pem;
	if (strcmp(status, w->tamper_status) != 0)
		return true;
	pz_buf_init(&pem, PZ_CSR_PEM_BYTES_MAX, NULL);
	assert_ok(pz_csr_make(&subject, w->other_key, &pem, NULL));
	assert_ok(pz_buf_append(&pem, pz_slice_of("", 1)));
	replace_text(w, message, (const char *)pz_buf_slice(&pem).ptr);
	pz_buf_fini(&pem);
	return true;
}

/** The same request with a blank line behind it: other bytes, same meaning. */
static bool
pad_csr(struct pz_kit_enrolment *w, char status[32], json_t **message)
{
	char text[4096];
	if (strcmp(status, w->tamper_status) == 0) {
		snprintf(text, sizeof(text), "%s\n",
			 json_string_value(json_object_get(*message, w->tamper_key)));
		replace_text(w, message, text);
	}
	return true;
}

static void
changed_messages_are_noticed(void **state)
{
	struct pz_kit_enrolment *w = *state;
	static const struct {
		const char *status, *key;
		pz_kit_tamper_fn tamper;
		enum pz_err device_err;
		const char *hub_reason; /* "": the hub is still waiting */
	} rows[] = {
		{PZ_ENROL_HELLO, "share", swap_share, PZ_ERR_DENIED_CODE, ""},
		{PZ_ENROL_HELLO, "share", swap_neutral, PZ_ERR_PROTO, PZ_ENROL_BAD_REQUEST},
		{PZ_ENROL_HELLO, "device", swap_device, PZ_ERR_DENIED_CODE, ""},
		{PZ_ENROL_HELLO, "zone", swap_zone, PZ_ERR_DENIED_CODE, PZ_ENROL_EXPIRED},
		{PZ_ENROL_SHARE, "share", swap_share, PZ_ERR_DENIED_CODE, ""},
		{PZ_ENROL_SHARE, "share", swap_neutral, PZ_ERR_PROTO, ""},
		{PZ_ENROL_SHARE, "confirm", flip_tag, PZ_ERR_DENIED_CODE, ""},
		{PZ_ENROL_REQUEST, "confirm", flip_tag, PZ_ERR_DENIED_CODE, PZ_ENROL_BAD_CODE},
		{PZ_ENROL_REQUEST, "csr", swap_csr, PZ_ERR_DENIED_CODE, PZ_ENROL_BAD_CODE},
		{PZ_ENROL_REQUEST, "csr", pad_csr, PZ_ERR_DENIED_CODE, PZ_ENROL_BAD_CODE},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *code = pz_kit_enrolment_issue(w, NULL);
		w->tamper = rows[i].tamper;
		w->tamper_status = rows[i].status;
		w->tamper_key = rows[i].key;
		pz_kit_enrolment_attempt(w, code);
		assert_int_equal(w->dones, 0);
		assert_int_equal(w->admits, 0);
		assert_int_equal(w->device_failures, 1);
		assert_int_equal(w->device_err, rows[i].device_err);
		assert_string_equal(w->hub_reason, rows[i].hub_reason);
		assert_true(pz_code_is_live(&w->code, &w->clock.env));
		pz_kit_enrolment_hang_up(w);
	}
}

/* ---- step 4 ---- */

static void
set_cert(struct pz_kit_enrolment *w, json_t *message, const char *key, const struct pz_cert *cert)
{
	struct pz_buf pem;
	(void)w;
	pz_buf_init(&pem, PZ_CERT_PEM_BYTES_MAX, NULL);
	assert_ok(pz_cert_to_pem(cert, &pem));
	struct pz_slice text = pz_buf_slice(&pem);
	json_object_set_new(message, key, json_stringn((const char *)text.ptr, text.len));
	pz_buf_fini(&pem);
}

static void
set_crl(json_t *message, const struct pz_crl *crl)
{
	struct pz_buf pem;
	pz_buf_init(&pem, PZ_CRL_PEM_BYTES_MAX, NULL);
	assert_ok(pz_crl_to_pem(crl, &pem));
	struct pz_slice text = pz_buf_slice(&pem);
	json_object_set_new(message, "crl", json_stringn((const char *)text.ptr, text.len));
	pz_buf_fini(&pem);
}

static void
give_client(struct pz_kit_enrolment *w, json_t *message, const struct pz_kit_zone *a,
	    const char *device, const struct pz_key *key)
{
	struct pz_cert *cert = pz_kit_enrolment_sign(a, device, key);
	set_cert(w, message, "clientCert", cert);
	pz_cert_free(cert);
}

static void
other_key(struct pz_kit_enrolment *w, json_t *m)
{
	give_client(w, m, &w->alice, PZ_KIT_DEVICE, w->other_key);
}

static void
other_name(struct pz_kit_enrolment *w, json_t *m)
{
	give_client(w, m, &w->alice, "desktop", w->device_key);
}

static void
other_signer(struct pz_kit_enrolment *w, json_t *m)
{
	give_client(w, m, &w->eve, PZ_KIT_DEVICE, w->device_key);
}

static void
other_master(struct pz_kit_enrolment *w, json_t *m)
{
	set_cert(w, m, "masterCert", w->eve.ca);
}

static void
other_master_and_crl(struct pz_kit_enrolment *w, json_t *m)
{
	set_cert(w, m, "masterCert", w->eve.ca);
	set_crl(m, w->eve.crl);
}

static void
other_crl(struct pz_kit_enrolment *w, json_t *m)
{
	set_crl(m, w->eve.crl);
}

static void
swapped_certs(struct pz_kit_enrolment *w, json_t *m)
{
	json_t *client = json_incref(json_object_get(m, "clientCert"));
	set_cert(w, m, "clientCert", w->alice.ca);
	json_object_set_new(m, "masterCert", client);
}

/** The hub signs a leaf instead of a CA. */
static void
tls_certificate(struct pz_kit_enrolment *w, json_t *m)
{
	const struct pz_cert_subject subject = {.zone = PZ_KIT_ZONE, .device = PZ_KIT_DEVICE};
	struct pz_cert *cert = NULL;
	assert_ok(pz_cert_issue(PZ_CERT_PZP_TLS, &subject, w->device_key, w->alice.ca,
				w->alice.ca_key, &w->clock.env, &cert, NULL));
	set_cert(w, m, "clientCert", cert);
	pz_cert_free(cert);
}

static void
client_valid(struct pz_kit_enrolment *w, json_t *m, uint64_t from_ms, uint64_t to_ms)
{
	const struct pz_cert_subject subject = {.zone = PZ_KIT_ZONE, .device = PZ_KIT_DEVICE};
	struct pz_cert *cert = NULL;
	assert_ok(pz_cert_issue_for(PZ_CERT_PZP_CA, &subject, w->device_key, w->alice.ca,
				    w->alice.ca_key, &w->clock.env, from_ms, to_ms, &cert, NULL));
	set_cert(w, m, "clientCert", cert);
	pz_cert_free(cert);
}

static void
expired(struct pz_kit_enrolment *w, json_t *m)
{
	client_valid(w, m, PZ_KIT_WALL_MS - 7200000, PZ_KIT_WALL_MS - 3600000);
}

static void
not_yet_valid(struct pz_kit_enrolment *w, json_t *m)
{
	client_valid(w, m, PZ_KIT_WALL_MS + 3600000, PZ_KIT_WALL_MS + 7200000);
}

static void
already_revoked(struct pz_kit_enrolment *w, json_t *m)
{
	struct pz_crl_entry entry = {.when_ms = PZ_KIT_WALL_MS};
	struct pz_crl *crl = NULL;
	struct pz_cert *cert = pz_kit_enrolment_sign(&w->alice, PZ_KIT_DEVICE, w->device_key);
	pz_cert_serial_hex(cert, entry.serial_hex);
	assert_ok(pz_crl_issue(w->alice.ca, w->alice.ca_key, &entry, 1, 2, &w->clock.env, &crl,
			       NULL));
	set_cert(w, m, "clientCert", cert);
	set_crl(m, crl);
	pz_cert_free(cert);
	pz_crl_free(crl);
}

static void
other_pzh_id(struct pz_kit_enrolment *w, json_t *m)
{
	(void)w;
	json_object_set_new(m, "pzhId", json_string("bob@example.org"));
}

static void
garbage_client(struct pz_kit_enrolment *w, json_t *m)
{
	(void)w;
	json_object_set_new(m, "clientCert", json_string("-----BEGIN CERTIFICATE-----\n"));
}

static void
garbage_master(struct pz_kit_enrolment *w, json_t *m)
{
	(void)w;
	json_object_set_new(m, "masterCert", json_string("x"));
}

static void
garbage_crl(struct pz_kit_enrolment *w, json_t *m)
{
	(void)w;
	json_object_set_new(m, "crl", json_string("x"));
}

static void
bad_host(struct pz_kit_enrolment *w, json_t *m)
{
	(void)w;
	json_object_set_new(m, "host", json_string("a/b"));
}

static void
zero_port(struct pz_kit_enrolment *w, json_t *m)
{
	(void)w;
	json_object_set_new(m, "port", json_integer(0));
}

static void
text_port(struct pz_kit_enrolment *w, json_t *m)
{
	(void)w;
	json_object_set_new(m, "port", json_string("8040"));
}

static void (*forge)(struct pz_kit_enrolment *w, json_t *message);

static bool
forge_signed(struct pz_kit_enrolment *w, char status[32], json_t **message)
{
	if (strcmp(status, PZ_ENROL_SIGNED) == 0)
		forge(w, *message);
	return true;
}

static void
device_checks_what_it_is_given(void **state)
{
	struct pz_kit_enrolment *w = *state;
	static const struct {
		void (*forge)(struct pz_kit_enrolment *w, json_t *message);
		enum pz_err err;
	} rows[] = {
		{other_key, PZ_ERR_DENIED_IDENTITY},
		{other_name, PZ_ERR_DENIED_IDENTITY},
		{other_signer, PZ_ERR_DENIED_CHAIN},
		{other_master, PZ_ERR_DENIED_CHAIN},
		{other_master_and_crl, PZ_ERR_DENIED_CHAIN},
		{other_crl, PZ_ERR_DENIED_CHAIN},
		{swapped_certs, PZ_ERR_DENIED_IDENTITY},
		{tls_certificate, PZ_ERR_DENIED_CHAIN},
		{expired, PZ_ERR_DENIED_EXPIRED},
		{not_yet_valid, PZ_ERR_DENIED_EXPIRED},
		{already_revoked, PZ_ERR_DENIED_REVOKED},
		{other_pzh_id, PZ_ERR_DENIED_IDENTITY},
		{garbage_client, PZ_ERR_PROTO},
		{garbage_master, PZ_ERR_PROTO},
		{garbage_crl, PZ_ERR_PROTO},
		{bad_host, PZ_ERR_PROTO},
		{zero_port, PZ_ERR_PROTO},
		{text_port, PZ_ERR_PROTO},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *code = pz_kit_enrolment_issue(w, NULL);
		forge = rows[i].forge;
		w->tamper = forge_signed;
		pz_kit_enrolment_attempt(w, code);
		if (w->device_err != rows[i].err)
			fail_msg("row %zu: %s: %s", i, pz_err_name(w->device_err),
				 w->device_reason);
		assert_int_equal(w->proven, 1);
		assert_int_equal(w->verified, 0); /* asked last */
		assert_int_equal(w->dones, 0);
		assert_int_equal(w->device_failures, 1);
		pz_kit_enrolment_hang_up(w);
	}
}

static bool
drop_member(struct pz_kit_enrolment *w, char status[32], json_t **message)
{
	if (strcmp(status, w->tamper_status) == 0)
		assert_int_equal(json_object_del(*message, w->tamper_key), 0);
	return true;
}

static void
device_needs_every_member(void **state)
{
	struct pz_kit_enrolment *w = *state;
	static const char *const rows[][2] = {
		{PZ_ENROL_SHARE, "share"},       {PZ_ENROL_SHARE, "confirm"},
		{PZ_ENROL_SIGNED, "clientCert"}, {PZ_ENROL_SIGNED, "masterCert"},
		{PZ_ENROL_SIGNED, "crl"},        {PZ_ENROL_SIGNED, "pzhId"},
		{PZ_ENROL_SIGNED, "host"},       {PZ_ENROL_SIGNED, "port"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *code = pz_kit_enrolment_issue(w, NULL);
		w->tamper = drop_member;
		w->tamper_status = rows[i][0];
		w->tamper_key = rows[i][1];
		pz_kit_enrolment_attempt(w, code);
		assert_int_equal(w->device_failures, 1);
		assert_int_equal(w->device_err, PZ_ERR_PROTO);
		pz_kit_enrolment_hang_up(w);
	}
}

static void
connection_must_belong_to_the_master_certificate(void **state)
{
	struct pz_kit_enrolment *w = *state;
	w->connection_err = PZ_ERR_DENIED_CHAIN;
	pz_kit_enrolment_attempt(w, pz_kit_enrolment_issue(w, NULL));
	assert_int_equal(w->verified, 1);
	assert_int_equal(w->dones, 0);
	assert_int_equal(w->device_err, PZ_ERR_DENIED_CHAIN);
	assert_non_null(strstr(w->device_reason, "another hub's TLS certificate"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		pz_kit_enrolment_test(enrols),
		pz_kit_enrolment_test(enrols_when_answers_come_at_once),
		pz_kit_enrolment_test(enrols_without_timers_and_with_slow_storage),
		pz_kit_enrolment_test(a_code_works_once),
		pz_kit_enrolment_test(wrong_code_stops_the_device_at_tag_b),
		pz_kit_enrolment_test(the_sixth_attempt_of_an_address_waits),
		pz_kit_enrolment_test(fifth_attempt_still_works),
		pz_kit_enrolment_test(expired_code_is_refused),
		pz_kit_enrolment_test(another_connection_is_another_exchange),
		pz_kit_enrolment_test(changed_messages_are_noticed),
		pz_kit_enrolment_test(device_checks_what_it_is_given),
		pz_kit_enrolment_test(device_needs_every_member),
		pz_kit_enrolment_test(connection_must_belong_to_the_master_certificate),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
