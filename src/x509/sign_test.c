/* Signatures over messages: what key.h and cert.h promise. */
#include "x509/fixture.h"

#include <openssl/err.h>

#define MESSAGE "the phone hangs behind the laptop"

struct signer {
	struct pz_key *key;
	struct pz_cert *cert;
	struct pz_buf signature;
};

static void
signer_of(struct signer *s, struct pz_key *key)
{
	s->key = key;
	s->cert = fix_issue(PZ_CERT_PZH_CA, ZONE, NULL, key, NULL, key);
	pz_buf_init(&s->signature, 2 * PZ_SIGNATURE_BYTES_MAX, NULL);
	assert_ok(pz_key_sign(key, pz_slice_str(MESSAGE), &s->signature));
	assert_in_range(s->signature.len, 64, PZ_SIGNATURE_BYTES_MAX);
}

static void
signer_open(struct signer *s, const char *type)
{
	struct pz_key *key = NULL;

	assert_ok(pz_key_generate(type, &key, NULL));
	signer_of(s, key);
}

static void
signer_close(struct signer *s)
{
	pz_buf_fini(&s->signature);
	pz_cert_free(s->cert);
	pz_key_free(s->key);
	assert_int_equal(ERR_peek_error(), 0);
}

static enum pz_err
verify(const struct signer *s, const char *message)
{
	return pz_cert_verify_signature(s->cert, pz_slice_str(message),
					pz_buf_slice(&s->signature));
}

static const char *const types[] = {"ec-p256", "ec-p384", "rsa3072"};

static void
a_signature_fits_its_key_and_message(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct signer s, other;
		signer_open(&s, types[i]);
		signer_open(&other, types[i]);
		assert_ok(verify(&s, MESSAGE));
		assert_int_equal(verify(&s, MESSAGE "."), PZ_ERR_DENIED_IDENTITY);
		assert_int_equal(verify(&s, ""), PZ_ERR_DENIED_IDENTITY);
		assert_int_equal(pz_cert_verify_signature(other.cert, pz_slice_str(MESSAGE),
							  pz_buf_slice(&s.signature)),
				 PZ_ERR_DENIED_IDENTITY);
		signer_close(&other);
		signer_close(&s);
	}
}

static void
every_changed_byte_is_noticed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct signer s;
		signer_open(&s, types[i]);
		uint8_t *bytes = s.signature.mem + s.signature.start;
		for (size_t at = 0; at < s.signature.len; at++) {
			bytes[at] ^= 0x10;
			assert_int_equal(verify(&s, MESSAGE), PZ_ERR_DENIED_IDENTITY);
			bytes[at] ^= 0x10;
		}
		struct pz_slice whole = pz_buf_slice(&s.signature);
		for (size_t len = 0; len < whole.len; len++)
			assert_int_equal(pz_cert_verify_signature(s.cert, pz_slice_str(MESSAGE),
								  pz_slice_of(whole.ptr, len)),
					 PZ_ERR_DENIED_IDENTITY);
		assert_ok(verify(&s, MESSAGE));
		signer_close(&s);
	}
}

/* Also of kinds that we do not make ourselves: a peer's key may be one. */
static void
ed25519_signs_too(void **state)
{
	struct signer s;

	(void)state;
	signer_of(&s, fix_key_wrap(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")));
	assert_ok(verify(&s, MESSAGE));
	assert_int_equal(verify(&s, "x"), PZ_ERR_DENIED_IDENTITY);
	signer_close(&s);
}

static void
a_signature_of_another_kind_of_key_is_none(void **state)
{
	struct signer ec, rsa;

	(void)state;
	signer_open(&ec, "ec-p256");
	signer_open(&rsa, "rsa3072");
	assert_int_equal(pz_cert_verify_signature(ec.cert, pz_slice_str(MESSAGE),
						  pz_buf_slice(&rsa.signature)),
			 PZ_ERR_DENIED_IDENTITY);
	assert_int_equal(pz_cert_verify_signature(rsa.cert, pz_slice_str(MESSAGE),
						  pz_buf_slice(&ec.signature)),
			 PZ_ERR_DENIED_IDENTITY);
	signer_close(&rsa);
	signer_close(&ec);
}

static void
what_cannot_be_signed_leaves_the_buffer_alone(void **state)
{
	struct signer s;
	struct pz_buf out;

	(void)state;
	signer_open(&s, NULL);
	pz_buf_init(&out, PZ_SIGNATURE_BYTES_MAX - 1, NULL);
	assert_int_equal(pz_key_sign(s.key, pz_slice_str(MESSAGE), &out), PZ_ERR_LIMIT_QUEUE);
	pz_buf_fini(&out);
	pz_buf_init(&out, PZ_SIGNATURE_BYTES_MAX, NULL);
	struct pz_key *public_key = pz_key_wrap(X509_get0_pubkey(pz_cert_x509(s.cert)));
	assert_int_equal(pz_key_sign(public_key, pz_slice_str(MESSAGE), &out), PZ_ERR_CRYPTO);
	assert_int_equal(out.len, 0);
	pz_key_free(public_key);
	pz_buf_fini(&out);
	signer_close(&s);
}

static void
a_signature_as_text(void **state)
{
	const struct pz_slice message = pz_slice_str(MESSAGE);
	char text[PZ_SIGNATURE_CHARS_MAX + 1] = "kept";
	struct signer s;

	(void)state;
	signer_open(&s, NULL);
	struct pz_key *public_key = pz_key_wrap(X509_get0_pubkey(pz_cert_x509(s.cert)));
	assert_int_equal(pz_key_sign_text(public_key, message, text), PZ_ERR_CRYPTO);
	assert_string_equal(text, "kept");
	assert_ok(pz_key_sign_text(s.key, message, text));
	assert_ok(pz_cert_verify_signature_text(s.cert, message, text));
	assert_int_equal(pz_cert_verify_signature_text(s.cert, pz_slice_str("another"), text),
			 PZ_ERR_DENIED_IDENTITY);
	assert_int_equal(pz_cert_verify_signature_text(s.cert, message, "no base64"), PZ_ERR_PROTO);
	pz_key_free(public_key);
	signer_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signature_fits_its_key_and_message),
		cmocka_unit_test(every_changed_byte_is_noticed),
		cmocka_unit_test(ed25519_signs_too),
		cmocka_unit_test(a_signature_of_another_kind_of_key_is_none),
		cmocka_unit_test(what_cannot_be_signed_leaves_the_buffer_alone),
		cmocka_unit_test(a_signature_as_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
