/* One set of TLS settings for everything that is compared: TLS 1.3, AES-128-GCM, X25519, both sides
 * authenticated, read-ahead, no tickets. */
#ifndef PZ_BENCH_TLS_H
#define PZ_BENCH_TLS_H

#include <stdbool.h>

#include <openssl/ssl.h>

/** Prints OpenSSL's error queue and ends the program with 2. */
_Noreturn void bench_tls_fail(const char *what);

/**
 * @param trust_file PEM of the authorities whose certificates are believed
 * @param cert_file,key_file PEM; NULL: set for each session
 */
SSL_CTX *
bench_tls_ctx(bool server, const char *trust_file, const char *cert_file, const char *key_file);

/** A session on a connected descriptor. */
SSL *bench_tls_new(SSL_CTX *ctx, int fd);

#endif
