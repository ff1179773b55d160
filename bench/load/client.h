/* Devices as the broker sees them: a registered link each, all in one epoll loop. */
#ifndef PZ_BENCH_CLIENT_H
#define PZ_BENCH_CLIENT_H

#include <openssl/ssl.h>

#include "common/stream.h"
#include "load/message.h"
#include "load/proof.h"
#include "load/wallet.h"

/** One device. */
struct client {
	struct stream stream;
	struct message message; /* what it sends */
	char address[PZ_ADDRESS_BYTES_MAX + 1];
	uint32_t events; /* what epoll watches */
};

/** Where clients connect to and as what. */
struct client_config {
	SSL_CTX *ctx;
	EVP_PKEY *key; /* of all devices */
	bool is_flat;  /* show the certificate of ctx, issued by the zone's CA directly */
	uint16_t port;
	const char *peer;    /* address of the device at that port; NULL: it is a hub */
	struct proof *proof; /* for a device; borrowed */
	/* Whether the link may be used; sees every frame until then. NULL: a hub's first `Update`
	 */
	bool (*is_welcome)(struct client *client, const uint8_t *frame, size_t len);
};

/** Reads the keys of a layout. */
void client_config_init(struct client_config *config, const char *dir, bool flat, uint16_t port);

/** The session shows the certificates of a device: PZP TLS and PZP CA. */
void client_show(SSL *ssl, const struct client_config *config, const struct identity *identity);

/**
 * Connects, shakes hands, registers and waits until it is welcome; blocks meanwhile.
 * @param source as bench_connect
 */
void client_open(struct client *client, const struct client_config *config,
		 const struct identity *identity, unsigned source);
/** Says close_notify. */
void client_close(struct client *client);

/** Handles one frame that arrived. True: go on; false: the loop ends. */
typedef bool (*client_on_frame)(struct client *client, const uint8_t *frame, size_t len);

/** An epoll descriptor; clients join it when they are open. */
int client_loop_new(void);
void client_loop_add(int loop, struct client *client);
/** Writes what is queued; fails the program when the broker hung up. */
void client_flush(int loop, struct client *client);

/** How client_loop_run ended. */
enum client_end { CLIENT_STOPPED, CLIENT_QUIET, CLIENT_TIME_UP };

/**
 * Reads and writes until on_frame returns false, nothing happened for quiet_ms, or time is up.
 * After each wake-up of a client what it has queued is written.
 */
enum client_end client_loop_run(int loop, client_on_frame on_frame, int quiet_ms, int time_ms);

#endif
