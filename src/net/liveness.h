/*
 * Signs of life of a link's other end: one rule for the hub's links, a device's link to its hub and
 * direct links.
 *
 * What expects an answer makes a link be watched (pz_link_watch). Without a byte from the other end
 * it is probed: it has to answer. While bytes that we sent before the probe are still being
 * acknowledged the link is alive, however slow it is; patience begins when the probe itself has
 * arrived, or when nothing is acknowledged any more, and it grows with the round trip that was
 * measured. An end that does not read for a while (page 4 "Pressure") says so by keepAlives.
 */
#ifndef PZ_NET_LIVENESS_H
#define PZ_NET_LIVENESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/timer.h"

struct pz_link;

/** Part of a link; only liveness.c touches it. */
struct pz_liveness {
	struct pz_timer timer;
	struct pz_timer pause;  /* while we do not read */
	uint64_t watched_us;    /* what came later is a sign of life */
	uint64_t patience_us;   /* of the probe */
	uint64_t moved_us;      /* when our bytes were last acknowledged, or the probe arrived */
	uint64_t checked_us;    /* when that was last looked at */
	uint64_t acked;         /* bytes acknowledged then */
	uint64_t probe_end;     /* where the probe ends among the bytes of the link */
	uint64_t stalled_us;    /* since when nothing is acknowledged, with or without a probe */
	uint64_t stalled_acked; /* bytes acknowledged then */
	uint64_t flight_us;     /* a step of the handshake was sent then; 0: none is under way */
	uint64_t round_trip_us; /* the longest that was measured lately */
	bool is_probed, is_in_flight;
	bool has_moved, has_arrived; /* bytes before the probe; the probe */
};

/** Something was sent that deserves an answer: without a sign of life the link is probed. */
void pz_link_watch(struct pz_link *link);
/**
 * Asks for a sign of life now; the link is closed (IO_TIMEOUT, "no sign of life") when none comes.
 * @param patience_us since the probe arrived, or since nothing was acknowledged any more; longer on
 *        a link with a long round trip
 */
void pz_link_probe(struct pz_link *link, uint64_t patience_us);
/** The round trip to the other end as TCP measures it, microseconds; 0: not known (yet), as over
 * another transport. */
uint64_t pz_link_round_trip_us(const struct pz_link *link);
/** Neither watches nor probes any more, until asked again. */
void pz_link_unwatch(struct pz_link *link);

/* ---- for the link ---- */
/** Neither watches nor probes; timers are ready.
 * @param on_timer calls pz_liveness_is_over, and closes the link when that is true; it gets the
 *        link */
void pz_liveness_init(struct pz_link *link, pz_timer_fn on_timer);
/** To be called when the timer fires: continues watching or probing. @return true: the other end is
 * dead, and the link is to be closed (IO_TIMEOUT, "no sign of life") */
bool pz_liveness_is_over(struct pz_link *link);
/** Stops the timers, before the link is freed. */
void pz_liveness_stop(struct pz_link *link);
/** Bytes of the other end came in. */
void pz_liveness_on_bytes(struct pz_link *link);
/** A step of the handshake was sent. */
void pz_liveness_on_flight(struct pz_link *link);
/** Reading of the link was switched on or off; while off, the other end gets keepAlives. */
void pz_liveness_on_reading(struct pz_link *link, bool on);
/** True when bytes are under way and none was acknowledged for so long that the way must be gone;
 * called now and then. */
bool pz_liveness_is_stalled(struct pz_link *link);

#endif
