/* The modes of bench_load. Each prints one line of JSON. */
#ifndef PZ_BENCH_LOAD_H
#define PZ_BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** Options of all modes; see bench/README.md. */
struct load_options {
	const char *dir; /* prepared layout */
	const char *to;  /* direct, links: device at that port, of the first zone */
	uint16_t port;
	pid_t broker;                /* or that device's daemon */
	unsigned zones, devices;     /* prepare */
	unsigned pairs, outstanding; /* calls */
	unsigned long count, warm;
	size_t request_len, reply_len; /* bodies */
	bool coalesce;                 /* several messages may share a TLS record */
	bool flat;                     /* one-level client certificate, for the bare forwarder */
	bool props;                    /* direct: no calls, signs of life */
	unsigned procs;                /* handshakes */
	unsigned settle_ms;
	char **command; /* start: the broker's command line, NULL at the end */
};

/** Makes a hub's data directory and everything its devices need. */
int load_prepare(const struct load_options *options);
/** Request and reply through the broker. */
int load_calls(const struct load_options *options);
/** Memory of links that do nothing. */
int load_idle(const struct load_options *options);
/** CPU time of links that come and go. */
int load_handshakes(const struct load_options *options);
/** Starts a broker itself: time to listening, memory at rest. */
int load_start(const struct load_options *options);
/** Round trip of a call to a device over a direct link. */
int load_direct(const struct load_options *options);
/** From dialling a device to the first answer, each time with a new link. */
int load_links(const struct load_options *options);

#endif
