/*
 * Target functions: pz_attest_copy, pz_info_entry, pz_attest_parse, pz_attest_check.
 * Input: JSON text of an attestation.
 * Must hold: nothing that the device did not sign is believed, also not with its certificates,
 * which every relay has. A hostile device can sign what it likes, so the input is also taken with
 * the device's signature: then it is believed for that device, that relay and its hour only.
 */
#include "zone.h"

#include <jansson.h>
#include <openssl/err.h>

#include "base/codec.h"
#include "base/limits.h"
#include "net/transport.h"
#include "wire/json.h"
#include "zone/attest.h"
#include "zone/info.h"

#define RELAY "tv"

static struct pz_key *device_key;
static struct pz_trust *trust;
static char *leaf_pem, *ca_pem;

static enum pz_err
check(const json_t *tree)
{
	struct pz_errinfo info = {""};
	struct pz_attest attest;
	struct pz_peer peer;
	enum pz_err err = pz_attest_parse(tree, &attest, &info);

	fuzz_check_info(err, &info);
	if (err != PZ_OK)
		return err;
	FUZZ_CHECK(strcmp(attest.device, attest.relay) != 0);
	err = pz_attest_check(&attest, trust, FUZZ_ZONE, RELAY, PZ_KIT_WALL_MS, &peer, &info);
	fuzz_check_info(err, &info);
	FUZZ_CHECK(ERR_peek_error() == 0);
	if (err == PZ_OK) {
		FUZZ_CHECK(strcmp(peer.zone, FUZZ_ZONE) == 0);
		FUZZ_CHECK(strcmp(attest.relay, RELAY) == 0 && !peer.is_hub);
		FUZZ_CHECK(strcmp(attest.device, peer.device) == 0);
		FUZZ_CHECK(strcmp(peer.device, FUZZ_DEVICE) == 0);
		FUZZ_CHECK(attest.at_ms + PZ_ATTEST_AGE_MS >= PZ_KIT_WALL_MS);
		FUZZ_CHECK(attest.at_ms <= PZ_KIT_WALL_MS + PZ_ATTEST_AGE_MS);
	}
	return err;
}

/* The device's own signature over what the input says. */
static json_t *
signature_over(const json_t *tree)
{
	char at[32] = "";
	const char *device = pz_json_str(tree, "device"), *relay = pz_json_str(tree, "relay");
	struct pz_buf words, signature;

	if (device == NULL || relay == NULL)
		return NULL;
	snprintf(at, sizeof(at), "%lld",
		 (long long)json_integer_value(json_object_get(tree, "at")));
	const struct pz_slice parts[] = {pz_slice_str("pz-behind/1"), pz_slice_str(FUZZ_ZONE),
					 pz_slice_str(device), pz_slice_str(relay),
					 pz_slice_str(at)};
	pz_buf_init(&words, 1U << 20, NULL);
	pz_buf_init(&signature, PZ_SIGNATURE_BYTES_MAX, NULL);
	FUZZ_CHECK(pz_lv_cat(&words, parts, 5) == PZ_OK);
	FUZZ_CHECK(pz_key_sign(device_key, pz_buf_slice(&words), &signature) == PZ_OK);
	char *text = pz_base64_encode(pz_buf_slice(&signature));
	FUZZ_CHECK(text != NULL);
	json_t *out = json_string(text);
	free(text);
	pz_buf_fini(&signature);
	pz_buf_fini(&words);
	return out;
}

/* What the device may say about itself now. */
static bool
is_right(const json_t *tree)
{
	int64_t at;

	return strcmp(pz_json_str(tree, "device"), FUZZ_DEVICE) == 0 &&
	       strcmp(pz_json_str(tree, "relay"), RELAY) == 0 &&
	       pz_json_int(tree, "at", (int64_t)(PZ_KIT_WALL_MS - PZ_ATTEST_AGE_MS),
			   (int64_t)(PZ_KIT_WALL_MS + PZ_ATTEST_AGE_MS), &at);
}

/* A certificate below the device's CA whose key we have. */
static char *
new_leaf(void)
{
	const struct pz_cert_subject subject = {.zone = FUZZ_ZONE, .device = FUZZ_DEVICE};
	struct pz_kit_clock w = PZ_KIT_CLOCK(w);
	struct pz_cert *device_ca = fuzz_cert("device-ca.pem"), *leaf = NULL;
	struct pz_buf pem;

	pz_buf_init(&pem, PZ_CERT_PEM_BYTES_MAX, NULL);
	FUZZ_CHECK(pz_cert_issue(PZ_CERT_PZP_TLS, &subject, device_key, device_ca, device_key,
				 &w.env, &leaf, NULL) == PZ_OK);
	FUZZ_CHECK(pz_cert_to_pem(leaf, &pem) == PZ_OK);
	char *text = pz_slice_dup(pz_buf_slice(&pem));
	FUZZ_CHECK(text != NULL);
	pz_buf_fini(&pem);
	pz_cert_free(leaf);
	pz_cert_free(device_ca);
	return text;
}

/* What is built anew of an attestation is the same for who checks it, of known members only, and
 * not much longer when it is written. */
static void
check_copy(const json_t *tree)
{
	json_t *copy = pz_attest_copy(tree), *again;
	struct pz_attest a, b;

	if (copy == NULL)
		return;
	FUZZ_CHECK(pz_attest_parse(tree, &a, NULL) == PZ_OK);
	FUZZ_CHECK(pz_attest_parse(copy, &b, NULL) == PZ_OK);
	FUZZ_CHECK(strcmp(a.device, b.device) == 0 && strcmp(a.relay, b.relay) == 0);
	FUZZ_CHECK(strcmp(a.tls, b.tls) == 0 && strcmp(a.ca, b.ca) == 0 && a.at_ms == b.at_ms);
	FUZZ_CHECK(json_object_size(copy) == 6);
	FUZZ_CHECK(json_dumpb(copy, NULL, 0, JSON_COMPACT) <= (size_t)5 * PZ_CERT_PEM_BYTES_MAX);
	again = pz_attest_copy(copy);
	FUZZ_CHECK(json_equal(copy, again));
	json_decref(again);
	json_decref(copy);
}

/* The same for what a hub says of a device. */
static void
check_entry(const json_t *tree)
{
	json_t *entry = pz_info_entry(tree), *again = pz_info_entry(entry);

	FUZZ_CHECK(entry != NULL && json_equal(entry, again));
	FUZZ_CHECK(json_object_size(entry) <= 9);
	FUZZ_CHECK(json_dumpb(entry, NULL, 0, JSON_COMPACT) <=
		   PZ_INFO_ADDRESSES_MAX * (PZ_NETADDR_CHARS + 3) + 4096);
	json_decref(entry);
	json_decref(again);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct pz_cert *ca = NULL;
	size_t len;

	(void)argc;
	(void)argv;
	fuzz_start();
	device_key = fuzz_key("device-key.pem");
	leaf_pem = new_leaf();
	ca_pem = fuzz_read("device-ca.pem", &len);
	ca = fuzz_cert("ca.pem");
	trust = pz_trust_new();
	FUZZ_CHECK(trust != NULL && pz_trust_add(trust, ca, NULL, NULL) == PZ_OK);
	pz_cert_free(ca);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *tree = pz_json_parse(pz_slice_of(data, size), NULL);

	check_copy(tree);
	check_entry(tree);
	if (!json_is_object(tree)) {
		FUZZ_CHECK(check(tree) != PZ_OK);
		json_decref(tree);
		return 0;
	}
	FUZZ_CHECK(check(tree) != PZ_OK);
	json_object_set_new(tree, "tls", json_string(leaf_pem));
	json_object_set_new(tree, "ca", json_string(ca_pem));
	FUZZ_CHECK(check(tree) != PZ_OK);
	json_t *signature = signature_over(tree);
	if (signature) {
		json_object_set_new(tree, "sig", signature);
		FUZZ_CHECK((check(tree) == PZ_OK) == is_right(tree));
	}
	json_decref(tree);
	return 0;
}
