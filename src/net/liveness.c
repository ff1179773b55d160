/*
 * See liveness.h for the rule. Here, "acknowledged" is counted in bytes of the link's own queue:
 * the bytes that have left the queue less those that TCP has not seen acknowledged. So it grows
 * only when the other end's kernel has received more, however much our kernel buffers.
 *
 * One timer serves both states: while the link is watched it ends the watch; while it is probed it
 * checks every PZ_LIVENESS_TICK_US how far the probe has come.
 */
#include "net/liveness.h"

#include "base/limits.h"
#include "net/link.h"

/* Round trips that an answer may take: one, and the repetition of lost packets. */
#define ROUND_TRIPS 3

static uint64_t
now_us(const struct pz_link *link)
{
	return pz_env_mono_us(link->host->env);
}

static struct pz_stream_measure
measure(const struct pz_link *link)
{
	struct pz_stream_measure m = {0};

	if (link->stream && link->stream->ops->measure)
		link->stream->ops->measure(link->stream, &m);
	return m;
}

/* Bytes of ours that the other end's kernel has received. */
static uint64_t
acked(const struct pz_link *link, const struct pz_stream_measure *m)
{
	return link->session.drained - m->unacked;
}

/* At least `least_us`, and some round trips: of TCP, or of the path behind a proxy. */
static uint64_t
patience(const struct pz_link *link, const struct pz_stream_measure *m, uint64_t least_us)
{
	uint64_t trip = link->life.round_trip_us;

	if (m->round_trip_us > trip)
		trip = m->round_trip_us;
	if (trip > PZ_LIVENESS_ROUND_TRIP_MAX_US)
		trip = PZ_LIVENESS_ROUND_TRIP_MAX_US;
	return ROUND_TRIPS * trip > least_us ? ROUND_TRIPS * trip : least_us;
}

/* Before a link is live its deadline applies instead (link.c). */
uint64_t
pz_link_round_trip_us(const struct pz_link *link)
{
	return measure(link).round_trip_us;
}

static bool
is_watchable(const struct pz_link *link)
{
	return link->live && !link->closing;
}

void
pz_link_watch(struct pz_link *link)
{
	if (!is_watchable(link) || link->life.timer.active)
		return;
	link->life.watched_us = now_us(link);
	pz_env_start(link->host->env, &link->life.timer, PZ_LIVENESS_WATCH_US);
}

/* A second call can only shorten the patience: the first probe counts. */
void
pz_link_probe(struct pz_link *link, uint64_t patience_us)
{
	struct pz_liveness *life = &link->life;

	if (!is_watchable(link))
		return;
	/* The earlier probe is in transit already; a second would only delay the answer. */
	if (life->is_probed) {
		if (patience_us < life->patience_us)
			life->patience_us = patience_us;
		return;
	}
	struct pz_stream_measure m = measure(link);
	life->is_probed = true;
	life->has_arrived = life->has_moved = false;
	life->patience_us = patience_us;
	life->watched_us = life->moved_us = life->checked_us = now_us(link);
	life->acked = acked(link, &m);
	/* The owner sends it: the probe is a message of the owner's protocol. */
	link->host->events->probe(link);
	/* the probe is the last message in the queue */
	life->probe_end = link->session.drained + link->session.queued;
	pz_env_start(link->host->env, &life->timer, PZ_LIVENESS_TICK_US);
}

void
pz_link_unwatch(struct pz_link *link)
{
	link->life.is_probed = false;
	pz_env_stop(link->host->env, &link->life.timer);
}

/* The probe has no answer yet. @return true: the patience has ended */
static bool
check(struct pz_link *link)
{
	struct pz_liveness *life = &link->life;
	struct pz_stream_measure m = measure(link);
	uint64_t now = now_us(link), done = acked(link, &m);

	if (!life->has_arrived && done != life->acked) {
		life->acked = done;
		life->has_moved = true;
		life->has_arrived = done >= life->probe_end;
		/* It may have arrived right after the last check. */
		life->moved_us = life->has_arrived ? life->checked_us : now;
	}
	if (link->session.blocked > 0)
		life->moved_us = now; /* we are the end that does not read */
	/* A slow path that loses packets makes no progress while TCP waits to repeat one. */
	uint64_t least_us = life->patience_us;
	if (life->has_moved && !life->has_arrived && least_us < PZ_LIVENESS_STALLED_US)
		least_us = PZ_LIVENESS_STALLED_US;
	uint64_t end = life->moved_us + patience(link, &m, least_us);
	if (now >= end)
		return true;
	life->checked_us = now;
	pz_env_start(link->host->env, &life->timer,
		     end - now < PZ_LIVENESS_TICK_US ? end - now : PZ_LIVENESS_TICK_US);
	return false;
}

bool
pz_liveness_is_over(struct pz_link *link)
{
	if (!is_watchable(link))
		return false;
	if (link->life.is_probed)
		return check(link);
	if (link->rx_us <= link->life.watched_us)
		pz_link_probe(link, PZ_LIVENESS_PATIENCE_US);
	/* Bytes have arrived since; but later sent bytes need a watch of their own. */
	else if (link->tx_us > link->rx_us) /* something was sent since */
		pz_link_watch(link);
	return false;
}

/* The other end's patience must not run out while we are the end that does not read. */
static void
on_pause(struct pz_timer *timer, void *arg)
{
	struct pz_link *link = arg;

	if (!is_watchable(link) || link->session.blocked == 0)
		return;
	link->host->events->keepalive(link);
	pz_env_start(link->host->env, timer, PZ_LIVENESS_WATCH_US);
}

void
pz_liveness_init(struct pz_link *link, pz_timer_fn on_timer)
{
	pz_timer_init(&link->life.timer, on_timer, link);
	pz_timer_init(&link->life.pause, on_pause, link);
}

void
pz_liveness_stop(struct pz_link *link)
{
	pz_link_unwatch(link);
	pz_env_stop(link->host->env, &link->life.pause);
}

/* The longest recent round trip; faster answers lower it step by step. */
static void
note_round_trip(struct pz_liveness *life, uint64_t sample_us)
{
	/* Quickly up and slowly down: one slower answer must not end a link. */
	if (sample_us >= life->round_trip_us)
		life->round_trip_us = sample_us;
	else
		life->round_trip_us -= (life->round_trip_us - sample_us) / 8;
}

void
pz_liveness_on_bytes(struct pz_link *link)
{
	struct pz_liveness *life = &link->life;

	if (!link->secured && life->flight_us > 0) {
		note_round_trip(life, link->rx_us - life->flight_us);
		life->flight_us = 0;
	}
	if (!life->is_probed)
		return;
	/* Only if the probe had arrived: otherwise the time includes the way out. */
	if (life->has_arrived || life->acked >= life->probe_end)
		note_round_trip(life, link->rx_us - life->watched_us);
	pz_link_unwatch(link);
	if (link->host->events->alive)
		link->host->events->alive(link);
}

void
pz_liveness_on_flight(struct pz_link *link)
{
	link->life.flight_us = now_us(link);
}

void
pz_liveness_on_reading(struct pz_link *link, bool on)
{
	if (on)
		pz_env_stop(link->host->env, &link->life.pause);
	else if (is_watchable(link) && link->host->events->keepalive)
		pz_env_start(link->host->env, &link->life.pause, PZ_LIVENESS_WATCH_US);
}

bool
pz_liveness_is_stalled(struct pz_link *link)
{
	struct pz_liveness *life = &link->life;
	struct pz_stream_measure m = measure(link);
	uint64_t now = now_us(link), done = acked(link, &m);
	bool was_in_flight = life->is_in_flight;
	bool moved = done != life->stalled_acked || link->rx_us > life->stalled_us;

	life->is_in_flight = m.in_flight > 0;
	/* What was not in flight at the last check may have been sent just now. */
	if (!life->is_in_flight || !was_in_flight || moved || link->session.blocked > 0) {
		life->stalled_us = now;
		life->stalled_acked = done;
		return false;
	}
	return now - life->stalled_us >= patience(link, &m, PZ_LIVENESS_STALLED_US);
}
