/*
 * A raw device: the certificates of an enrolled device, a link of its own to the hub, and nothing
 * else. It sends and gets whole frames, so that scenarios see what a daemon would hide.
 */
#ifndef PZ_SIM_RAW_H
#define PZ_SIM_RAW_H

#include "net/link.h"
#include "zone.h"
#include "zone/membership.h"

struct raw;

/** The events of its owner; each may be NULL. */
struct raw_events {
	void (*live)(struct raw *raw);
	/** A frame that is neither a prop nor the registration. */
	void (*frame)(struct raw *raw, struct pz_slice frame);
	void (*drained)(struct raw *raw);
	/** @param undelivered complete frames that never left its queue, borrowed */
	void (*closed)(struct raw *raw, struct pz_slice undelivered);
};

struct raw {
	struct sim_node *machine;
	const struct raw_events *events;
	void *arg;
	struct pz_membership *membership;
	struct pz_tls_ctx *ctx;
	struct pz_link_host link_host;
	struct pz_metrics metrics;
	struct pz_dial *dial;
	struct pz_link *link;
	struct pz_timer retry;
	bool is_live;
	bool is_done; /* does not connect again */
	bool is_reading;
	char address[PZ_ADDRESS_BYTES_MAX + 1];
};

/** Enrols a device at the hub, stops its daemon and takes its place. Not connected yet. */
struct raw *
raw_new(struct sim_node *hub, const char *name, const struct raw_events *events, void *arg);
/** Closes what is open. NULL is fine. */
void raw_free(struct raw *raw);

/** Connects; after a lost link again, a second later. */
void raw_connect(struct raw *raw);
/** Connects and waits until the link is live. */
void raw_await_live(struct raw *raw);
void raw_set_reading(struct raw *raw, bool on);
/** Bytes in its own output queue; 0 without a link. */
size_t raw_queued(const struct raw *raw);
enum pz_err raw_send(struct raw *raw, struct pz_slice frame) PZ_MUST_USE;
/** Ends its turn, after sending from outside of its call-backs. */
void raw_flush(struct raw *raw);

#endif
