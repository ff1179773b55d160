/*
 * Target functions: pz_cert_from_pem, _to_pem, _identity and the other readers; pz_verify_chain.
 * Input: PEM or DER of a certificate, and in PEM of those that come along with it.
 * Must hold: what is read is written and read again as the same; nothing that a stranger made is
 * believed. Then the certificate is signed anew as three issuers who may be hostile would sign it:
 * a device of the zone, a friend's hub, and a device's CA of the friend. None of them can vouch for
 * anybody but itself (page 2 rule 3, page 14 CERT-3).
 */
#include "zone.h"

#include "der.h"
#include "x509/verify.h"

#define BLOCKS_MAX 6

static struct pz_key *device_key, *friend_key;
static struct pz_cert *ca, *device_ca, *friend_ca;
static struct pz_trust *trust;
static X509 *leaf_model;

static enum pz_err
verify(X509 *leaf, STACK_OF(X509) * chain, struct pz_peer *out)
{
	struct pz_errinfo info = {""};
	int x509_error = 4711;
	enum pz_err err =
		pz_verify_chain(trust, leaf, chain, NULL, PZ_KIT_WALL_MS, out, &x509_error, &info);

	fuzz_check_info(err, &info);
	FUZZ_CHECK((err == PZ_OK) == (x509_error == X509_V_OK));
	FUZZ_CHECK(err == PZ_OK || info.text[0] != '\0');
	FUZZ_CHECK(ERR_peek_error() == 0);
	return err;
}

/* ---- the certificate as it is ---- */

static void
check_identity(const struct pz_cert *cert)
{
	char zone[PZ_ZONE_BYTES_MAX + 1] = "?", device[PZ_DEVICE_BYTES_MAX + 1] = "?";

	if (pz_cert_identity(cert, zone, device) == PZ_OK)
		FUZZ_CHECK(strchr(zone, '@') != NULL && device[0] != '?');
	else
		FUZZ_CHECK(strcmp(zone, "?") == 0 && strcmp(device, "?") == 0);
}

static void
check_key(const struct pz_cert *cert)
{
	struct pz_key *key = pz_key_wrap(X509_get0_pubkey(pz_cert_x509(cert)));
	uint8_t a[PZ_KEY_HASH_BYTES], b[PZ_KEY_HASH_BYTES];

	FUZZ_CHECK(key != NULL && pz_cert_key_matches(cert, key));
	pz_cert_spki_hash(cert, a);
	pz_key_spki_hash(key, b);
	FUZZ_CHECK(memcmp(a, b, sizeof(a)) == 0);
	pz_key_free(key);
}

static void
check_round_trip(const struct pz_cert *cert)
{
	char serial[PZ_SERIAL_HEX_BYTES], serial_again[PZ_SERIAL_HEX_BYTES];
	uint8_t print[32], print_again[32];
	struct pz_cert *again = NULL;
	struct pz_buf pem;

	pz_buf_init(&pem, 4 * PZ_CERT_PEM_BYTES_MAX, NULL);
	FUZZ_CHECK(pz_cert_to_pem(cert, &pem) == PZ_OK);
	if (pem.len <= PZ_CERT_PEM_BYTES_MAX) { /* white space may have been shorter */
		FUZZ_CHECK(pz_cert_from_pem(pz_buf_slice(&pem), &again, NULL) == PZ_OK);
		pz_cert_serial_hex(cert, serial);
		pz_cert_serial_hex(again, serial_again);
		FUZZ_CHECK(serial[0] != '\0' && strcmp(serial, serial_again) == 0);
		pz_cert_fingerprint(cert, print);
		pz_cert_fingerprint(again, print_again);
		FUZZ_CHECK(memcmp(print, print_again, sizeof(print)) == 0);
		pz_cert_free(again);
	}
	pz_buf_fini(&pem);
}

static void
check_times(const struct pz_cert *cert)
{
	uint64_t from = pz_cert_not_before_ms(cert), to = pz_cert_not_after_ms(cert);
	uint64_t renew = pz_cert_renew_at_ms(cert);

	FUZZ_CHECK(renew >= from && (to <= from || renew <= to));
}

static void
check_presented(const struct pz_cert *leaf, STACK_OF(X509) * chain)
{
	struct pz_trust *strange = pz_trust_new();
	struct pz_peer peer;

	if (verify(pz_cert_x509(leaf), chain, &peer) == PZ_OK)
		FUZZ_CHECK(strcmp(peer.zone, FUZZ_ZONE) == 0 ||
			   strcmp(peer.zone, FUZZ_FRIEND) == 0);
	/* as an anchor: nothing is done with what is refused */
	FUZZ_CHECK(strange != NULL);
	(void)pz_trust_add(strange, leaf, NULL, NULL);
	pz_trust_free(strange);
	ERR_clear_error();
}

/* ---- the certificate as others would sign it ---- */

/* As it arrives at a peer. NULL: it cannot be signed (its algorithms do not fit). */
static X509 *
issue(const X509 *model, const struct pz_cert *issuer, const struct pz_key *issuer_key,
      const struct pz_key *subject_key)
{
	X509 *made = X509_dup(model), *parsed = NULL;
	unsigned char *der = NULL;
	const unsigned char *at;
	int len = 0;

	if (made && X509_set_issuer_name(made, X509_get_subject_name(pz_cert_x509(issuer))) &&
	    (!subject_key || X509_set_pubkey(made, pz_key_evp(subject_key))) &&
	    X509_sign(made, pz_key_evp(issuer_key), EVP_sha256()))
		len = i2d_X509(made, &der);
	at = der;
	if (len > 0)
		parsed = d2i_X509(NULL, &at, len);
	OPENSSL_free(der);
	X509_free(made);
	ERR_clear_error();
	return parsed;
}

/* @param between CA of the leaf, or NULL. @return is it believed? */
static bool
is_believed(X509 *leaf, X509 *between, struct pz_peer *peer)
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	bool ok;

	FUZZ_CHECK(chain != NULL && sk_X509_push(chain, leaf) > 0);
	if (between)
		FUZZ_CHECK(sk_X509_push(chain, between) > 0);
	ok = verify(leaf, chain, peer) == PZ_OK;
	sk_X509_free(chain);
	return ok;
}

static void
sign_as_device(const X509 *model)
{
	X509 *leaf = issue(model, device_ca, device_key, NULL);
	struct pz_peer peer;

	if (leaf && is_believed(leaf, pz_cert_x509(device_ca), &peer)) {
		FUZZ_CHECK(strcmp(peer.zone, FUZZ_ZONE) == 0 && !peer.is_hub);
		FUZZ_CHECK(strcmp(peer.device, FUZZ_DEVICE) == 0);
	}
	X509_free(leaf);
}

static void
sign_as_friend(const X509 *model)
{
	X509 *leaf = issue(model, friend_ca, friend_key, NULL);
	struct pz_peer peer;

	if (leaf && is_believed(leaf, NULL, &peer))
		FUZZ_CHECK(strcmp(peer.zone, FUZZ_FRIEND) == 0 && peer.is_hub);
	X509_free(leaf);
}

/* The input becomes a device's CA; below it is a good leaf of alice's laptop. */
static void
sign_as_friends_device(const X509 *model)
{
	X509 *between = issue(model, friend_ca, friend_key, device_key), *leaf;
	struct pz_cert *issuer = between ? pz_cert_wrap(between) : NULL;
	struct pz_peer peer;

	if (issuer) {
		leaf = issue(leaf_model, issuer, device_key, NULL);
		FUZZ_CHECK(leaf != NULL && !is_believed(leaf, between, &peer));
		X509_free(leaf);
	}
	pz_cert_free(issuer);
	X509_free(between);
}

/* ---- input ---- */

/* Cuts the text behind each "-----END". @return how many blocks */
static size_t
split(struct pz_slice text, struct pz_slice blocks[BLOCKS_MAX])
{
	static const char end[] = "-----END CERTIFICATE-----";
	size_t count = 0;

	while (text.len > 0 && count < BLOCKS_MAX) {
		const uint8_t *at = memmem(text.ptr, text.len, end, sizeof(end) - 1);
		size_t len = at ? (size_t)(at - text.ptr) + sizeof(end) - 1 : text.len;
		blocks[count++] = pz_slice_of(text.ptr, len);
		text = pz_slice_of(text.ptr + len, text.len - len);
	}
	return count;
}

static struct pz_cert *
read_block(struct pz_slice pem)
{
	struct pz_errinfo info = {""};
	struct pz_cert *cert = NULL;
	enum pz_err err = pz_cert_from_pem(pem, &cert, &info);

	fuzz_check_info(err, &info);
	FUZZ_CHECK((err == PZ_OK) == (cert != NULL) && ERR_peek_error() == 0);
	return cert;
}

static void
check(const struct pz_cert *cert, STACK_OF(X509) * chain)
{
	check_identity(cert);
	check_key(cert);
	check_round_trip(cert);
	check_times(cert);
	check_presented(cert, chain);
	sign_as_device(pz_cert_x509(cert));
	sign_as_friend(pz_cert_x509(cert));
	sign_as_friends_device(pz_cert_x509(cert));
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct pz_cert *leaf = fuzz_cert("leaf.pem");

	(void)argc;
	(void)argv;
	fuzz_start();
	device_key = fuzz_key("device-key.pem");
	friend_key = fuzz_key("friend-key.pem");
	ca = fuzz_cert("ca.pem");
	device_ca = fuzz_cert("device-ca.pem");
	friend_ca = fuzz_cert("friend-ca.pem");
	leaf_model = X509_dup(pz_cert_x509(leaf));
	pz_cert_free(leaf);
	trust = pz_trust_new();
	FUZZ_CHECK(trust != NULL && pz_trust_add(trust, ca, NULL, NULL) == PZ_OK);
	FUZZ_CHECK(pz_trust_add(trust, friend_ca, NULL, NULL) == PZ_OK);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	struct pz_cert *certs[BLOCKS_MAX] = {NULL};
	struct pz_slice blocks[BLOCKS_MAX];
	size_t len, count;
	char *pem = fuzz_pem(pz_slice_of(data, size), PEM_STRING_X509, &len);

	FUZZ_CHECK(chain != NULL);
	count = split(pz_slice_of(pem, len), blocks);
	for (size_t i = 0; i < count; i++) {
		certs[i] = read_block(blocks[i]);
		if (certs[i])
			sk_X509_push(chain, pz_cert_x509(certs[i]));
	}
	if (count > 0 && certs[0])
		check(certs[0], chain);
	sk_X509_free(chain);
	for (size_t i = 0; i < count; i++)
		pz_cert_free(certs[i]);
	OPENSSL_free(pem);
	return 0;
}
