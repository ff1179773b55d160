/* Counters and gauges of one node: a fixed table, plain numbers, no locks (one thread). */
#ifndef PZ_METRICS_METRICS_H
#define PZ_METRICS_METRICS_H

#include <jansson.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* X(name, kind, help). A counter only grows; a gauge is set, or raised and lowered. */
#define PZ_METRIC_LIST(X)                                                                          \
	X(messages_in, COUNTER, "Messages received over links.")                                   \
	X(messages_out, COUNTER, "Messages put into a link's queue.")                              \
	X(messages_dropped, COUNTER, "Messages dropped, for any reason.")                          \
	X(messages_undeliverable, COUNTER, "Messages without a way to their destination.")         \
	X(messages_refused, COUNTER, "Messages refused: their member sent too many at once.")      \
	X(bytes_in, COUNTER, "Bytes of frames received over links.")                               \
	X(bytes_out, COUNTER, "Bytes of frames put into a link's queue.")                          \
	X(sync_bytes_out, COUNTER, "Bytes of messages about the zone's data that were sent.")      \
	X(sync_listing_bytes_out, COUNTER, "Of these, answers that list what items hold.")         \
	X(links_opened, COUNTER, "Links whose peer proved its identity.")                          \
	X(links_closed, COUNTER, "Links that ended after they were opened.")                       \
	X(links_refused, COUNTER, "Connections refused before a link was opened.")                 \
	X(handshakes_failed, COUNTER, "TLS handshakes that failed.")                               \
	X(links_rested, COUNTER, "Times a link was not read for a while: its messages cost much.") \
	X(spoofed, COUNTER, "Messages whose sender was not the link's peer.")                      \
	X(slow_consumers, COUNTER, "Links closed because their peer did not read.")                \
	X(enrol_attempts, COUNTER, "Enrolments begun.")                                            \
	X(enrol_ok, COUNTER, "Enrolments that ended with a certificate.")                          \
	X(enrol_failed, COUNTER, "Enrolments that failed.")                                        \
	X(calls_served, COUNTER, "Calls answered by services of this node.")                       \
	X(calls_sent, COUNTER, "Calls made by this node.")                                         \
	X(calls_failed, COUNTER, "Calls made by this node that ended with an error.")              \
	X(state_changes, COUNTER, "Changes of the node's state machine.")                          \
	X(limits_hit, COUNTER, "Times a limit stopped a peer.")                                    \
	X(links, GAUGE, "Open links.")                                                             \
	X(unauthenticated, GAUGE, "Connections that have not proved an identity.")                 \
	X(queued_bytes, GAUGE, "Bytes waiting in the queues of all links.")                        \
	X(tls_days_left, GAUGE, "Days until the node's certificate expires, 0 when it has.")       \
	X(crl_days_left, GAUGE, "Days until the revocation list expires, 0 when it has.")

enum pz_metric {
#define X(name, kind, help) PZ_METRIC_##name,
	PZ_METRIC_LIST(X)
#undef X
		PZ_METRIC_COUNT
};

/** The numbers of one node. Zero-initialised is valid. */
struct pz_metrics {
	uint64_t value[PZ_METRIC_COUNT];
};

/** Raises a counter or gauge by n. */
static inline void
pz_metric_add(struct pz_metrics *m, enum pz_metric metric, uint64_t n)
{
	m->value[metric] += n;
}

/** Lowers a gauge by n, not below 0. */
static inline void
pz_metric_sub(struct pz_metrics *m, enum pz_metric metric, uint64_t n)
{
	m->value[metric] -= n < m->value[metric] ? n : m->value[metric];
}

/** Sets a gauge. */
static inline void
pz_metric_set(struct pz_metrics *m, enum pz_metric metric, uint64_t value)
{
	m->value[metric] = value;
}

static inline uint64_t
pz_metric_get(const struct pz_metrics *m, enum pz_metric metric)
{
	return m->value[metric];
}

/** Name such as "messages_in", static storage, never NULL. */
const char *pz_metric_name(enum pz_metric metric);

/**
 * Appends all metrics as OpenMetrics text, "# EOF" line included.
 * @param prefix first part of each name, letters, digits and '_', e.g. "pzh"
 * Errors: as append; then nothing has been appended.
 * @spec OpenMetrics 1.0 "Text format", page 5
 */
enum pz_err
pz_metrics_text(const struct pz_metrics *m, const char *prefix, struct pz_buf *out) PZ_MUST_USE;

/** A fresh object {name: integer, ...} that the caller owns; NULL: out of memory. */
json_t *pz_metrics_json(const struct pz_metrics *m);

#endif
