/* A device's consent to a relay: page 6 "Relaying". */
#include "kit/test.h"

#include "kit/authority.h"
#include "zone/attest.h"
#include "zone/authority.h"

#define ZONE PZ_KIT_ZONE
#define HOST PZ_KIT_HOST
#define DAY_MS PZ_KIT_DAY_MS

#define RELAY "laptop"

static struct pz_kit_world w;
static struct pz_authority *authority;
static struct pz_membership *phone, *tv;

static int
set_up(void **state)
{
	(void)state;
	pz_kit_world_init(&w, 0);
	authority = pz_kit_authority_new(&w, ZONE);
	phone = pz_kit_enrol(&w, authority, "phone", w.keys, NULL);
	tv = pz_kit_enrol(&w, authority, "tv", w.keys, NULL);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	pz_membership_free(phone);
	pz_membership_free(tv);
	pz_authority_free(authority);
	pz_kit_world_fini(&w);
	return 0;
}

static json_t *
made(const struct pz_membership *m, const char *relay)
{
	json_t *out = NULL;

	assert_ok(pz_attest_make(m, relay, &w.clock.env, &out));
	return out;
}

/* As the hub of this zone sees it. */
static enum pz_err
check_for(const json_t *attestation, const char *zone, const char *relay, struct pz_peer *peer)
{
	PZ_AUTO(pz_trust_free) struct pz_trust *trust = pz_trust_new();
	struct pz_peer unused;
	struct pz_attest attest;

	w.info.text[0] = '\0';
	assert_ok(pz_trust_add(trust, authority->ca, authority->crl, NULL));
	enum pz_err err = pz_attest_parse(attestation, &attest, &w.info);
	if (err == PZ_OK)
		err = pz_attest_check(&attest, trust, zone, relay, w.clock.wall_ms,
				      peer ? peer : &unused, &w.info);
	assert_int_equal(err == PZ_OK, w.info.text[0] == '\0');
	return err;
}

/* @param attestation taken */
static enum pz_err
check(json_t *attestation)
{
	enum pz_err err = check_for(attestation, ZONE, RELAY, NULL);

	json_decref(attestation);
	return err;
}

/* One of the phone's with another value in one place. @param value taken; NULL: left out */
static json_t *
with(const char *name, json_t *value)
{
	json_t *attestation = made(phone, RELAY);

	if (value)
		json_object_set_new(attestation, name, value);
	else
		json_object_del(attestation, name);
	return attestation;
}

/* ---- what is right ---- */

static void
a_device_s_consent_is_believed(void **state)
{
	static const char *const types[] = {"ec-p256", "ec-p384", "rsa3072"};
	struct pz_member *member = NULL;
	char name[16];

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct pz_peer peer;
		snprintf(name, sizeof(name), "d%zu", i);
		w.key_type = types[i];
		struct pz_membership *m = pz_kit_enrol(&w, authority, name, w.keys, NULL);
		json_t *attestation = made(m, RELAY);
		assert_ok(check_for(attestation, ZONE, RELAY, &peer));
		assert_string_equal(peer.zone, ZONE);
		assert_string_equal(peer.device, name);
		assert_false(peer.is_hub);
		assert_ok(pz_authority_admits(authority, &peer, &member, NULL));
		assert_string_equal(member->device, name);
		json_decref(attestation);
		pz_membership_free(m);
	}
}

static void
it_has_the_members_that_are_documented(void **state)
{
	(void)state;
	json_t *attestation = made(phone, RELAY);
	assert_int_equal(json_object_size(attestation), 6);
	assert_string_equal(json_string_value(json_object_get(attestation, "device")), "phone");
	assert_string_equal(json_string_value(json_object_get(attestation, "relay")), RELAY);
	assert_int_equal(json_integer_value(json_object_get(attestation, "at")), w.clock.wall_ms);
	assert_ok(check(attestation));
	assert_ok(check(with("x-later", json_integer(1))));
}

static void
no_device_hangs_behind_itself_or_no_device(void **state)
{
	static const char *const relays[] = {"phone", "", "no name", "a/b", "alice@example.org"};
	json_t *out = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(relays) / sizeof(relays[0]); i++)
		assert_int_equal(pz_attest_make(phone, relays[i], &w.clock.env, &out),
				 PZ_ERR_PROTO_ADDRESS);
	assert_null(out);
}

/* ---- what is malformed ---- */

static void
every_member_is_needed(void **state)
{
	static const char *const names[] = {"device", "relay", "at", "tls", "ca", "sig"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(check(with(names[i], NULL)), PZ_ERR_PROTO_MEMBER);
		assert_int_equal(check(with(names[i], json_null())), PZ_ERR_PROTO_MEMBER);
		assert_int_equal(check(with(names[i], json_array())), PZ_ERR_PROTO_MEMBER);
	}
	assert_int_equal(check(with("at", json_integer(-1))), PZ_ERR_PROTO_MEMBER);
	assert_int_equal(check(with("at", json_real(1e12))), PZ_ERR_PROTO_MEMBER);
	assert_int_equal(check(json_array()), PZ_ERR_PROTO_MEMBER);
	assert_int_equal(check(json_string("phone")), PZ_ERR_PROTO_MEMBER);
	assert_int_equal(check(json_null()), PZ_ERR_PROTO_MEMBER);
}

static void
names_are_names(void **state)
{
	(void)state;
	assert_int_equal(check(with("device", json_string("a/b"))), PZ_ERR_PROTO_ADDRESS);
	assert_int_equal(check(with("device", json_string(""))), PZ_ERR_PROTO_ADDRESS);
	assert_int_equal(check(with("relay", json_string(".x"))), PZ_ERR_PROTO_ADDRESS);
	assert_int_equal(check(with("device", json_string(RELAY))), PZ_ERR_PROTO_ADDRESS);
}

/* @return a JSON text of so many x */
static json_t *
text_of(size_t len)
{
	char *text = malloc(len + 1);

	assert_non_null(text);
	memset(text, 'x', len);
	json_t *out = json_stringn(text, len);
	free(text);
	return out;
}

static void
sizes_are_bounded(void **state)
{
	(void)state;
	assert_int_equal(check(with("tls", text_of(PZ_CERT_PEM_BYTES_MAX + 1))), PZ_ERR_LIMIT);
	assert_int_equal(check(with("ca", text_of(PZ_CERT_PEM_BYTES_MAX + 1))), PZ_ERR_LIMIT);
	assert_int_equal(check(with("sig", text_of(2 * PZ_SIGNATURE_BYTES_MAX))), PZ_ERR_LIMIT);
	assert_int_equal(check(with("device", text_of(PZ_DEVICE_BYTES_MAX + 1))),
			 PZ_ERR_PROTO_ADDRESS);
}

static void
what_cannot_be_read_is_refused(void **state)
{
	(void)state;
	assert_int_equal(check(with("tls", json_string("no PEM"))), PZ_ERR_PROTO);
	assert_int_equal(check(with("ca", json_string(""))), PZ_ERR_PROTO);
	assert_int_equal(check(with("sig", json_string("no base64"))), PZ_ERR_PROTO);
	assert_int_equal(check(with("sig", json_string(""))), PZ_ERR_DENIED_IDENTITY);
	assert_int_equal(check(with("sig", json_string("AAAA"))), PZ_ERR_DENIED_IDENTITY);
}

/* ---- what is forged ---- */

static void
it_is_for_one_relay(void **state)
{
	(void)state;
	json_t *attestation = made(phone, "car");
	assert_int_equal(check_for(attestation, ZONE, RELAY, NULL), PZ_ERR_DENIED_IDENTITY);
	assert_ok(check_for(attestation, ZONE, "car", NULL));
	json_decref(attestation);
	/* and the relay cannot be exchanged */
	attestation = made(phone, "car");
	json_object_set_new(attestation, "relay", json_string(RELAY));
	assert_int_equal(check(attestation), PZ_ERR_DENIED_IDENTITY);
}

static void
no_word_of_it_can_be_changed(void **state)
{
	(void)state;
	/* another's name over the phone's certificates */
	assert_int_equal(check(with("device", json_string("tv"))), PZ_ERR_DENIED_IDENTITY);
	assert_int_equal(check(with("at", json_integer((json_int_t)w.clock.wall_ms + 1))),
			 PZ_ERR_DENIED_IDENTITY);
	json_t *other = made(tv, RELAY), *attestation = made(phone, RELAY);
	json_object_set(attestation, "sig", json_object_get(other, "sig"));
	assert_int_equal(check(attestation), PZ_ERR_DENIED_IDENTITY);
	json_decref(other);
}

/* A member that signs with its own key for another member, in every mixture of certificates. */
static void
another_device_cannot_consent_for_it(void **state)
{
	static const char *const taken[][2] = {
		{"tls", "ca"}, {"tls", "tls"}, {"ca", "ca"}, {"device", "device"}};

	(void)state;
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		json_t *theirs = made(phone, RELAY), *mine = made(tv, RELAY);
		for (int k = 0; k < 2; k++)
			json_object_set(mine, taken[i][k], json_object_get(theirs, taken[i][k]));
		enum pz_err err = check(mine);
		assert_true(err == PZ_ERR_DENIED_IDENTITY || err == PZ_ERR_DENIED_CHAIN);
		json_decref(theirs);
	}
	/* the television signs that it is the phone */
	struct pz_membership forged = *tv;
	snprintf(forged.device, sizeof(forged.device), "phone");
	assert_int_equal(check(made(&forged, RELAY)), PZ_ERR_DENIED_IDENTITY);
	/* the same with the phone's certificates */
	forged.tls = phone->tls;
	forged.device_ca = phone->device_ca;
	assert_int_equal(check(made(&forged, RELAY)), PZ_ERR_DENIED_IDENTITY);
}

static void
a_device_of_another_zone_is_unknown_here(void **state)
{
	(void)state;
	struct pz_authority *bob = pz_kit_authority_new(&w, "bob@example.net");
	struct pz_membership *theirs = pz_kit_enrol(&w, bob, "phone", w.keys, NULL);
	json_t *attestation = made(theirs, RELAY);
	assert_int_equal(check_for(attestation, ZONE, RELAY, NULL), PZ_ERR_DENIED_CHAIN);
	assert_int_equal(check_for(attestation, "bob@example.net", RELAY, NULL),
			 PZ_ERR_DENIED_CHAIN);
	json_decref(attestation);
	attestation = made(phone, RELAY);
	assert_int_equal(check_for(attestation, "bob@example.net", RELAY, NULL),
			 PZ_ERR_DENIED_IDENTITY);
	json_decref(attestation);
	pz_membership_free(theirs);
	pz_authority_free(bob);
}

static void
a_hub_hangs_behind_no_device(void **state)
{
	struct pz_membership hub = *phone;

	(void)state;
	hub.tls = authority->tls;
	hub.tls_key = authority->tls_key;
	hub.device_ca = authority->ca;
	assert_int_equal(check(made(&hub, RELAY)), PZ_ERR_DENIED_IDENTITY);
}

/* ---- what is over ---- */

static void
it_ages(void **state)
{
	(void)state;
	json_t *attestation = made(phone, RELAY);
	uint64_t at = w.clock.wall_ms;

	w.clock.wall_ms = at + PZ_ATTEST_AGE_MS;
	assert_ok(check_for(attestation, ZONE, RELAY, NULL));
	w.clock.wall_ms++;
	assert_int_equal(check_for(attestation, ZONE, RELAY, NULL), PZ_ERR_DENIED_EXPIRED);
	w.clock.wall_ms = at - 60000;
	assert_ok(check_for(attestation, ZONE, RELAY, NULL));
	w.clock.wall_ms = at - PZ_ATTEST_AGE_MS - 1;
	assert_int_equal(check_for(attestation, ZONE, RELAY, NULL), PZ_ERR_DENIED_EXPIRED);
	w.clock.wall_ms = at;
	json_decref(attestation);
	assert_int_equal(check(with("at", json_integer(0))), PZ_ERR_DENIED_EXPIRED);
	assert_int_equal(check(with("at", json_integer(INT64_MAX))), PZ_ERR_DENIED_EXPIRED);
}

static void
its_certificates_age_too(void **state)
{
	(void)state;
	w.clock.wall_ms += 91 * DAY_MS;
	assert_int_equal(check(made(phone, RELAY)), PZ_ERR_DENIED_EXPIRED);
}

static void
a_revoked_device_cannot_consent(void **state)
{
	(void)state;
	pz_kit_revoke(&w, authority, "phone", PZ_REVOKED_BY_OWNER);
	assert_int_equal(check(made(phone, RELAY)), PZ_ERR_DENIED_REVOKED);
	assert_ok(check(made(tv, RELAY)));
}

/* The certificate of a former holder of the name: the members' list decides. */
static void
a_name_that_was_given_away_is_not_admitted(void **state)
{
	struct pz_member *member = NULL;
	struct pz_peer peer;

	(void)state;
	json_t *attestation = made(phone, RELAY);
	assert_ok(check_for(attestation, ZONE, RELAY, &peer));
	struct pz_membership *fresh = pz_kit_enrol(&w, authority, "phone", w.keys, NULL);
	assert_int_equal(check_for(attestation, ZONE, RELAY, NULL), PZ_ERR_DENIED_REVOKED);
	assert_int_equal(pz_authority_admits(authority, &peer, &member, NULL),
			 PZ_ERR_DENIED_REVOKED);
	json_decref(attestation);
	assert_ok(check(made(fresh, RELAY)));
	pz_membership_free(fresh);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		T(a_device_s_consent_is_believed),
		T(it_has_the_members_that_are_documented),
		T(no_device_hangs_behind_itself_or_no_device),
		T(every_member_is_needed),
		T(names_are_names),
		T(sizes_are_bounded),
		T(what_cannot_be_read_is_refused),
		T(it_is_for_one_relay),
		T(no_word_of_it_can_be_changed),
		T(another_device_cannot_consent_for_it),
		T(a_device_of_another_zone_is_unknown_here),
		T(a_hub_hangs_behind_no_device),
		T(it_ages),
		T(its_certificates_age_too),
		T(a_revoked_device_cannot_consent),
		T(a_name_that_was_given_away_is_not_admitted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
