/*
 * Target function: pz_csr_check.
 * Input: PEM or DER of a request.
 * Must hold: only a request for the expected name is accepted, and its key is strong. A hostile
 * device can sign what it likes, so the input is also taken with a good key and a good signature.
 */
#include "zone.h"

#include "der.h"
#include "x509/csr.h"

static struct pz_key *device_key;

static enum pz_err
check(struct pz_slice pem, const char *zone, const char *device)
{
	const struct pz_cert_subject expected = {.zone = zone, .device = device};
	struct pz_errinfo info = {""};
	struct pz_key *key = NULL;
	enum pz_err err = pz_csr_check(pem, &expected, &key, &info);

	fuzz_check_info(err, &info);
	FUZZ_CHECK((err == PZ_OK) == (key != NULL) && ERR_peek_error() == 0);
	if (key)
		FUZZ_CHECK(pz_key_check_strength(key, NULL) == PZ_OK);
	pz_key_free(key);
	return err;
}

static void
check_all(struct pz_slice pem)
{
	enum pz_err err = check(pem, FUZZ_ZONE, FUZZ_DEVICE);

	if (err == PZ_OK) { /* no other code uses it */
		FUZZ_CHECK(check(pem, FUZZ_ZONE, "lapto") == PZ_ERR_DENIED_IDENTITY);
		FUZZ_CHECK(check(pem, FUZZ_FRIEND, FUZZ_DEVICE) == PZ_ERR_DENIED_IDENTITY);
	}
}

static void
check_resigned(struct pz_slice pem)
{
	BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len), *out = BIO_new(BIO_s_mem());
	X509_REQ *req = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
	EVP_PKEY *pkey = pz_key_evp(device_key);
	char *text;

	FUZZ_CHECK(out != NULL);
	if (req && X509_REQ_set_pubkey(req, pkey) && X509_REQ_sign(req, pkey, EVP_sha256()) &&
	    PEM_write_bio_X509_REQ(out, req)) {
		long len = BIO_get_mem_data(out, &text);
		ERR_clear_error();
		check_all(pz_slice_of(text, (size_t)len));
	}
	X509_REQ_free(req);
	BIO_free(bio);
	BIO_free(out);
	ERR_clear_error();
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_start();
	device_key = fuzz_key("device-key.pem");
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t len;
	char *pem = fuzz_pem(pz_slice_of(data, size), PEM_STRING_X509_REQ, &len);

	check_all(pz_slice_of(pem, len));
	check_resigned(pz_slice_of(pem, len));
	OPENSSL_free(pem);
	return 0;
}
