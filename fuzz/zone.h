/* The keys and certificates of data/, for the targets that verify something. */
#ifndef PZ_FUZZ_ZONE_H
#define PZ_FUZZ_ZONE_H

#include "fuzz.h"

#include "base/buf.h"
#include "x509/cert.h"
#include "x509/crl.h"
#include "x509/key.h"

#define FUZZ_ZONE "alice@example.org"
#define FUZZ_DEVICE "laptop"
#define FUZZ_FRIEND "bob@example.net"

/** A file of data/. @return bytes that the caller frees, with a NUL behind them */
static inline char *
fuzz_read(const char *name, size_t *out_len)
{
	char path[512], *bytes = malloc(65536);
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", PZ_FUZZ_DATA, name);
	file = fopen(path, "rb");
	FUZZ_CHECK(file != NULL && bytes != NULL);
	*out_len = fread(bytes, 1, 65535, file);
	bytes[*out_len] = '\0';
	fclose(file);
	return bytes;
}

static inline struct pz_cert *
fuzz_cert(const char *name)
{
	struct pz_cert *cert = NULL;
	size_t len;
	char *pem = fuzz_read(name, &len);

	FUZZ_CHECK(pz_cert_from_pem(pz_slice_of(pem, len), &cert, NULL) == PZ_OK);
	free(pem);
	return cert;
}

static inline struct pz_key *
fuzz_key(const char *name)
{
	struct pz_key *key = NULL;
	size_t len;
	char *pem = fuzz_read(name, &len);

	FUZZ_CHECK(pz_key_from_pem(pz_slice_of(pem, len), &key, NULL) == PZ_OK);
	free(pem);
	return key;
}

static inline struct pz_crl *
fuzz_crl(const char *name)
{
	struct pz_crl *crl = NULL;
	size_t len;
	char *pem = fuzz_read(name, &len);

	FUZZ_CHECK(pz_crl_from_pem(pz_slice_of(pem, len), &crl, NULL) == PZ_OK);
	free(pem);
	return crl;
}

#endif
