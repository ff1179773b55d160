/* The devices of a prepared layout, in order: zone after zone, so that neighbours share one. */
#ifndef PZ_BENCH_WALLET_H
#define PZ_BENCH_WALLET_H

#include <stdbool.h>

#include <openssl/x509.h>

#include "base/limits.h"

struct wallet;

/** Who a device is. */
struct identity {
	X509 *leaf, *device_ca; /* owned */
	char zone[PZ_ZONE_BYTES_MAX + 1];
	char address[PZ_ADDRESS_BYTES_MAX + 1];
};

/** Opens a directory that `bench_load prepare` made. */
struct wallet *wallet_open(const char *dir);
void wallet_close(struct wallet *wallet);

/** The next device; fails the program when there is none left. Free it with identity_fini. */
void wallet_next(struct wallet *wallet, struct identity *out);
/** Passes devices over. */
void wallet_skip(struct wallet *wallet, unsigned count);
void identity_fini(struct identity *identity);

#endif
