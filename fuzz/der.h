/* Inputs of the certificate targets: PEM as it comes, or DER, which is put into PEM first. */
#ifndef PZ_FUZZ_DER_H
#define PZ_FUZZ_DER_H

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "fuzz.h"

/** The input as PEM text; the caller frees with OPENSSL_free. */
static inline char *
fuzz_pem(struct pz_slice input, const char *name, size_t *out_len)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text, *copy;
	long len;

	FUZZ_CHECK(bio != NULL);
	if (input.len > 0 && input.ptr[0] == 0x30)
		FUZZ_CHECK(PEM_write_bio(bio, name, "", input.ptr, (long)input.len) > 0);
	else
		FUZZ_CHECK(BIO_write(bio, input.ptr, (int)input.len) == (int)input.len);
	len = BIO_get_mem_data(bio, &text);
	copy = OPENSSL_memdup(len > 0 ? text : "", len > 0 ? (size_t)len : 1);
	FUZZ_CHECK(copy != NULL);
	*out_len = len > 0 ? (size_t)len : 0;
	BIO_free(bio);
	return copy;
}

#endif
