#include "load/wallet.h"

#include <stdio.h>
#include <string.h>

#include <openssl/pem.h>

#include "common/bench.h"
#include "common/tls.h"
#include "x509/cert.h"

struct wallet {
	BIO *pem; /* leaf and PZP CA of each device */
};

struct wallet *
wallet_open(const char *dir)
{
	char path[4096];
	struct wallet *wallet = bench_alloc(1, sizeof(*wallet));

	snprintf(path, sizeof(path), "%s/devices.pem", dir);
	wallet->pem = BIO_new_file(path, "r");
	if (wallet->pem == NULL)
		bench_tls_fail(path);
	return wallet;
}

void
wallet_close(struct wallet *wallet)
{
	BIO_free(wallet->pem);
	free(wallet);
}

void
wallet_next(struct wallet *wallet, struct identity *out)
{
	char device[PZ_DEVICE_BYTES_MAX + 1];

	*out = (struct identity){
		.leaf = PEM_read_bio_X509(wallet->pem, NULL, NULL, NULL),
		.device_ca = PEM_read_bio_X509(wallet->pem, NULL, NULL, NULL),
	};
	if (out->leaf == NULL || out->device_ca == NULL)
		bench_tls_fail("not that many devices are prepared");
	struct pz_cert *cert = pz_cert_wrap(out->leaf);
	if (cert == NULL || pz_cert_identity(cert, out->zone, device) != PZ_OK)
		bench_fail("a device without identity");
	snprintf(out->address, sizeof(out->address), "%s/%s", out->zone, device);
	pz_cert_free(cert);
}

void
wallet_skip(struct wallet *wallet, unsigned count)
{
	char line[128];

	/* Each certificate ends with one such line. */
	for (unsigned left = 2 * count; left > 0;) {
		if (BIO_gets(wallet->pem, line, sizeof(line)) <= 0)
			bench_fail("not that many devices are prepared");
		if (strncmp(line, "-----END", 8) == 0)
			left--;
	}
}

void
identity_fini(struct identity *identity)
{
	X509_free(identity->leaf);
	X509_free(identity->device_ca);
	*identity = (struct identity){0};
}
