/*
 * Target functions: pz_crl_from_pem, _to_pem, _verify, _has_serial, _entry_at and the other
 * readers; pz_trust_add with a list. Input: PEM or DER of a list. Must hold: a list that is read
 * has all of its entries and is written as the same; it is a CA's only when that CA has signed it.
 * Then a hostile hub signs it: what it revokes is revoked.
 */
#include "zone.h"

#include "der.h"
#include "x509/verify.h"

static struct pz_key *friend_key;
static struct pz_cert *ca, *friend_ca, *friend_tls;

static void
check_entries(const struct pz_crl *crl)
{
	size_t len = pz_crl_len(crl);

	for (size_t i = 0; i < len && i < 64; i++) {
		struct pz_crl_entry entry;
		pz_crl_entry_at(crl, i, &entry);
		FUZZ_CHECK(strnlen(entry.serial_hex, sizeof(entry.serial_hex)) <
			   sizeof(entry.serial_hex));
		FUZZ_CHECK(pz_crl_has_serial(crl, entry.serial_hex));
	}
	FUZZ_CHECK(pz_crl_has_serial(crl, "no hex"));
}

static void
check_round_trip(const struct pz_crl *crl)
{
	struct pz_crl *again = NULL;
	struct pz_buf pem;

	pz_buf_init(&pem, PZ_CRL_PEM_BYTES_MAX, NULL);
	if (pz_crl_to_pem(crl, &pem) == PZ_OK) {
		FUZZ_CHECK(pz_crl_from_pem(pz_buf_slice(&pem), &again, NULL) == PZ_OK);
		FUZZ_CHECK(pz_crl_number(crl) == pz_crl_number(again));
		FUZZ_CHECK(pz_crl_len(crl) == pz_crl_len(again));
		FUZZ_CHECK(pz_crl_next_update_ms(crl) == pz_crl_next_update_ms(again));
		pz_crl_free(again);
	}
	pz_buf_fini(&pem);
}

/* The same list by the friend's CA; NULL: it cannot be signed or read. */
static struct pz_crl *
sign_as_friend(struct pz_slice pem)
{
	BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len), *out = BIO_new(BIO_s_mem());
	X509_CRL *list = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
	struct pz_crl *crl = NULL;
	char *text;

	FUZZ_CHECK(out != NULL);
	if (list &&
	    X509_CRL_set_issuer_name(list, X509_get_subject_name(pz_cert_x509(friend_ca))) &&
	    X509_CRL_sign(list, pz_key_evp(friend_key), EVP_sha256()) &&
	    PEM_write_bio_X509_CRL(out, list)) {
		long len = BIO_get_mem_data(out, &text);
		(void)!pz_crl_from_pem(pz_slice_of(text, (size_t)len), &crl, NULL);
	}
	X509_CRL_free(list);
	BIO_free(bio);
	BIO_free(out);
	ERR_clear_error();
	return crl;
}

static void
check_signed(const struct pz_crl *crl)
{
	struct pz_trust *trust = pz_trust_new();
	char serial[PZ_SERIAL_HEX_BYTES];
	struct pz_peer peer;

	FUZZ_CHECK(trust != NULL);
	if (pz_trust_add(trust, friend_ca, crl, NULL) == PZ_OK) {
		enum pz_err err = pz_verify_chain(trust, pz_cert_x509(friend_tls), NULL, NULL,
						  PZ_KIT_WALL_MS, &peer, NULL, NULL);
		pz_cert_serial_hex(friend_tls, serial);
		FUZZ_CHECK(err == (pz_crl_has_serial(crl, serial) ? PZ_ERR_DENIED_REVOKED : PZ_OK));
	}
	pz_trust_free(trust);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_start();
	friend_key = fuzz_key("friend-key.pem");
	ca = fuzz_cert("ca.pem");
	friend_ca = fuzz_cert("friend-ca.pem");
	friend_tls = fuzz_cert("friend-tls.pem");
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pz_errinfo info = {""};
	struct pz_crl *crl = NULL, *resigned;
	size_t len;
	char *pem = fuzz_pem(pz_slice_of(data, size), PEM_STRING_X509_CRL, &len);
	enum pz_err err = pz_crl_from_pem(pz_slice_of(pem, len), &crl, &info);

	fuzz_check_info(err, &info);
	FUZZ_CHECK((err == PZ_OK) == (crl != NULL) && ERR_peek_error() == 0);
	if (crl) {
		check_entries(crl);
		check_round_trip(crl);
		err = pz_crl_verify(crl, ca, NULL);
		FUZZ_CHECK(err == PZ_OK || pz_err_category(err) == PZ_CAT_DENIED);
		resigned = sign_as_friend(pz_slice_of(pem, len));
		if (resigned)
			check_signed(resigned);
		pz_crl_free(resigned);
	}
	pz_crl_free(crl);
	OPENSSL_free(pem);
	return 0;
}
