/*
 * Page 4 "Pressure": a destination that does not read costs the hub a bounded queue, stops only its
 * senders, and is disconnected after 10 s without progress; the messages that wait for it are
 * answered. A destination that reads slowly loses nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "raw.h"
#include "rpc/error.h"
#include "wire/frame.h"
#include "wire/json.h"

#define FEEDERS_MAX 3
#define REQUESTS_MAX 8000
#define PIECE_MAX (64U << 10)
#define OWN_QUEUE_MAX (256U << 10)
/* What the hub says by itself: updates, keep-alives. */
#define SMALL_TALK (16U << 10)
/* Ciphertext of one chunk, and what TLS adds to it. */
#define CHUNK (80U << 10)
#define SLOW_US (10 * SIM_S)

enum fate { UNSENT, SENT, ARRIVED, CONGESTED, UNREACHABLE };

struct press;

struct feeder {
	struct press *press;
	struct raw *raw;
	uint8_t fate[REQUESTS_MAX];
	size_t size[REQUESTS_MAX];
	size_t sent, limit, next_arrival;
};

struct press {
	struct world *world;
	struct sim_node *hub, *phone, *laptop;
	struct raw *sink;
	struct feeder feeder[FEEDERS_MAX];
	size_t count, body_max, high_bytes;
	size_t arrived;
	struct sim_call *call; /* of those who have nothing to do with it */
	uint64_t sink_closed_us;
	uint64_t over_us; /* since when the sink's queue is over its mark */
	bool is_sink_closed;
};

/* ---- feeding ---- */

static size_t
number_of(struct press *p, const char *id, struct feeder **out)
{
	size_t feeder = 0, n = 0;

	sim_check(p->world,
		  id && sscanf(id, "%zu-%zu", &feeder, &n) == 2 && feeder < p->count &&
			  n < p->feeder[feeder].sent,
		  "an answer to nothing: %s", id ? id : "no id");
	*out = &p->feeder[feeder];
	return n;
}

static void
send_request(struct feeder *f)
{
	struct press *p = f->press;
	struct rng *rng = &p->world->rng;
	struct pz_buf frame;
	uint8_t *header;
	int pad = (int)rng_spread(rng, 1, p->body_max);

	pz_buf_init(&frame, PZ_FRAME_BYTES_MAX, NULL);
	if (pz_buf_reserve(&frame, PZ_FRAME_HEADER_BYTES, &header) != PZ_OK)
		abort();
	pz_buf_commit(&frame, PZ_FRAME_HEADER_BYTES);
	if (pz_buf_printf(&frame,
			  "{\"type\":\"JSONRPC\",\"from\":\"%s\",\"to\":\"%s\",\"payload\":{"
			  "\"jsonrpc\":\"2.0\",\"id\":\"%zu-%zu\",\"method\":\"a@b.c\",\"params\":["
			  "\"%0*d\"]}}",
			  f->raw->address, p->sink->address, (size_t)(f - p->feeder), f->sent, pad,
			  0) != PZ_OK)
		abort();
	pz_frame_put_header(frame.mem + frame.start, frame.len - PZ_FRAME_HEADER_BYTES);
	if (raw_send(f->raw, pz_buf_slice(&frame)) == PZ_OK) {
		f->size[f->sent] = frame.len;
		f->fate[f->sent++] = SENT;
	}
	pz_buf_fini(&frame);
}

static void
feed(struct feeder *f)
{
	while (f->sent < f->limit && raw_queued(f->raw) < OWN_QUEUE_MAX)
		send_request(f);
}

static void
on_feeder_drained(struct raw *raw)
{
	feed(raw->arg);
}

/* An answer in the name of the sink: an error, once. */
static void
on_feeder_frame(struct raw *raw, struct pz_slice frame)
{
	struct feeder *f = raw->arg, *of;
	struct press *p = f->press;
	struct pz_envelope envelope;

	if (pz_envelope_scan(pz_frame_body(frame), &envelope) != PZ_OK)
		sim_fail(p->world, "a damaged frame");
	json_t *payload = pz_json_parse(envelope.payload, NULL);
	json_t *error = json_object_get(payload, "error");
	size_t n = number_of(p, pz_json_str(payload, "id"), &of);
	json_int_t code = json_integer_value(json_object_get(error, "code"));
	sim_check(p->world, of == f, "an answer for another");
	sim_check(p->world, f->fate[n] == SENT, "request %zu is answered, and was %s", n,
		  f->fate[n] == ARRIVED ? "delivered" : "answered before");
	sim_check(p->world, code == PZ_RPC_CONGESTED || code == PZ_RPC_UNREACHABLE,
		  "answered with %lld", (long long)code);
	f->fate[n] = code == PZ_RPC_CONGESTED ? CONGESTED : UNREACHABLE;
	json_decref(payload);
}

static const struct raw_events feeder_events = {.frame = on_feeder_frame,
						.drained = on_feeder_drained};

/* ---- the sink ---- */

static void
on_sink_frame(struct raw *raw, struct pz_slice frame)
{
	struct press *p = raw->arg;
	struct feeder *f;
	struct pz_envelope envelope;

	if (pz_envelope_scan(pz_frame_body(frame), &envelope) != PZ_OK)
		sim_fail(p->world, "a damaged frame");
	json_t *payload = pz_json_parse(envelope.payload, NULL);
	size_t n = number_of(p, pz_json_str(payload, "id"), &f);
	sim_check(p->world, f->fate[n] == SENT, "request %zu arrives a second time, or answered",
		  n);
	sim_check(p->world, n == f->next_arrival, "request %zu arrives where %zu is due", n,
		  f->next_arrival);
	f->next_arrival = n + 1;
	f->fate[n] = ARRIVED;
	p->arrived++;
	json_decref(payload);
}

static void
on_sink_closed(struct raw *raw, struct pz_slice undelivered)
{
	struct press *p = raw->arg;

	(void)undelivered;
	p->is_sink_closed = true;
}

static const struct raw_events sink_events = {.frame = on_sink_frame, .closed = on_sink_closed};

/* ---- what must hold all the time ---- */

static void
check_bounded(struct press *p)
{
	size_t queued = sim_hub_queued(p->hub, "sink");
	size_t bound =
		p->high_bytes + CHUNK + SMALL_TALK + p->count * (PIECE_MAX + p->body_max + 512);

	sim_check(p->world, queued <= bound, "%zu bytes wait for the sink, more than %zu", queued,
		  bound);
	if (queued <= p->high_bytes && p->sink_closed_us == 0)
		p->over_us = p->world->now_us;
}

/* Others call each other as if nothing was. */
static void
check_others(struct press *p)
{
	if (p->call == NULL) {
		p->call = zone_call(p->phone, "laptop", "hello");
		return;
	}
	sim_check(p->world, p->call->is_done || p->world->now_us - p->call->started_us < 2 * SIM_S,
		  "a call between others takes longer than 2 s");
	if (!p->call->is_done)
		return;
	sim_check(p->world, zone_is_answered(p->call, "hello"), "a call between others failed: %d",
		  zone_error_code(p->call));
	sim_call_free(p->call);
	p->call = NULL;
}

static void
run_checked(struct press *p, uint64_t duration_us)
{
	uint64_t until = p->world->now_us + duration_us;
	unsigned steps = 0;

	while (world_step(p->world, until)) {
		if (++steps % 64 == 0)
			check_others(p);
		if (p->sink_closed_us == 0 && sim_hub_links(p->hub) == p->count + 2)
			p->sink_closed_us = p->world->now_us;
		check_bounded(p);
	}
	check_others(p);
}

static size_t
count_fates(const struct press *p, enum fate fate, size_t *out_bytes)
{
	size_t n = 0;

	*out_bytes = 0;
	for (size_t i = 0; i < p->count; i++)
		for (size_t k = 0; k < p->feeder[i].sent; k++)
			if (p->feeder[i].fate[k] == fate) {
				n++;
				*out_bytes += p->feeder[i].size[k];
			}
	return n;
}

/* ---- scenarios ---- */

static struct press *
make(struct world *world)
{
	static const char *const names[FEEDERS_MAX] = {"feeder-a", "feeder-b", "feeder-c"};
	struct press *p = calloc(1, sizeof(*p));

	if (p == NULL)
		abort();
	p->world = world;
	p->hub = zone_make(world);
	sim_stop(p->hub);
	p->high_bytes = p->hub->queue_high_bytes =
		(size_t)rng_spread(&world->rng, 2 * CHUNK, 600U << 10);
	p->hub->queue_low_bytes = p->high_bytes / (size_t)rng_between(&world->rng, 2, 6);
	sim_start(p->hub);
	p->phone = zone_add(p->hub, "phone");
	p->laptop = zone_add(p->hub, "laptop");
	p->count = (size_t)rng_between(&world->rng, 1, FEEDERS_MAX);
	p->body_max = (size_t)rng_spread(&world->rng, 1500, 30000);
	p->sink = raw_new(p->hub, "sink", &sink_events, p);
	for (size_t i = 0; i < p->count; i++) {
		p->feeder[i].press = p;
		p->feeder[i].raw = raw_new(p->hub, names[i], &feeder_events, &p->feeder[i]);
	}
	vnet_weather(world->net)->piece_max = PIECE_MAX;
	raw_await_live(p->sink);
	for (size_t i = 0; i < p->count; i++)
		raw_await_live(p->feeder[i].raw);
	world_run(world, 2 * SIM_S);
	return p;
}

static void
free_all(struct press *p)
{
	sim_call_free(p->call);
	raw_free(p->sink);
	for (size_t i = 0; i < p->count; i++)
		raw_free(p->feeder[i].raw);
	free(p);
}

/* So much that the queue is over its mark, whatever the network holds. */
static void
feed_all(struct press *p, size_t limit)
{
	if (limit > REQUESTS_MAX)
		limit = REQUESTS_MAX;
	for (size_t i = 0; i < p->count; i++) {
		p->feeder[i].limit = limit;
		feed(&p->feeder[i]);
		raw_flush(p->feeder[i].raw);
	}
}

static size_t
requests_for(const struct press *p, size_t bytes)
{
	size_t mean = p->body_max / 4 + 200, n = bytes / mean + 20;

	return n < REQUESTS_MAX ? n : REQUESTS_MAX;
}

static void
check_feeders_stopped(struct press *p)
{
	struct pz_metrics *m = pz_hub_metrics(p->hub->hub);
	size_t queued = sim_hub_queued(p->hub, "sink");

	sim_check(p->world, queued > p->high_bytes,
		  "scenario: the sink's queue is not over its mark: %zu of %zu", queued,
		  p->high_bytes);
	run_checked(p, 2 * SIM_S);
	queued = sim_hub_queued(p->hub, "sink");
	uint64_t dropped = pz_metric_get(m, PZ_METRIC_messages_undeliverable);
	run_checked(p, 4 * SIM_S);
	sim_check(p->world, sim_hub_queued(p->hub, "sink") <= queued + SMALL_TALK,
		  "the feeders were not stopped");
	sim_check(p->world, pz_metric_get(m, PZ_METRIC_messages_undeliverable) == dropped,
		  "requests were refused in place of waiting");
}

/* The requests whose end is unknown are those that had left the hub. */
static void
check_answered(struct press *p)
{
	size_t unknown_bytes, bytes;
	size_t unknown = count_fates(p, SENT, &unknown_bytes);
	size_t congested = count_fates(p, CONGESTED, &bytes);
	size_t on_the_way = (256U << 10) + CHUNK + p->body_max + 512;

	sim_note(p->world, "arrived %zu, congested %zu, unknown %zu (%zu bytes)", p->arrived,
		 congested, unknown, unknown_bytes);
	sim_check(p->world, congested > 0, "nobody was told 'congested'");
	sim_check(p->world, unknown_bytes <= on_the_way,
		  "%zu requests of %zu bytes were neither delivered nor answered", unknown,
		  unknown_bytes);
}

/* A sink that stops to read, or whose network falls silent. */
static void
run_stuck(struct world *world)
{
	struct press *p = make(world);
	bool is_silent = rng_chance(&world->rng, 30);
	size_t unknown;

	feed_all(p, (size_t)rng_spread(&world->rng, 1, 30));
	run_checked(p, SIM_S);
	sim_check(world, count_fates(p, SENT, &unknown) == 0, "not everything has arrived");
	p->sink->is_done = true;
	if (is_silent)
		(void)vnet_break_one(world->net, p->sink->machine->host, p->hub->host, true);
	else
		raw_set_reading(p->sink, false);
	p->over_us = world->now_us;
	feed_all(p, p->feeder[0].sent + requests_for(p, 2 * p->high_bytes + (700U << 10)));
	run_checked(p, 2 * SIM_S);
	check_feeders_stopped(p);
	run_checked(p, 13 * SIM_S);
	sim_check(world, p->sink_closed_us != 0, "the slow consumer is still there");
	uint64_t stuck_us = p->sink_closed_us - p->over_us;
	sim_check(world, p->sink_closed_us > p->over_us && stuck_us >= SLOW_US,
		  "closed after %.1f s over its mark", (double)stuck_us / (double)SIM_S);
	sim_check(world, pz_metric_get(pz_hub_metrics(p->hub->hub), PZ_METRIC_slow_consumers) == 1,
		  "not counted as a slow consumer");
	run_checked(p, 30 * SIM_S);
	check_answered(p);
	for (size_t i = 0; i < p->count; i++)
		sim_check(world,
			  p->feeder[i].raw->is_live && p->feeder[i].sent == p->feeder[i].limit,
			  "a feeder does not go on");
	free_all(p);
}

static bool
has_all_arrived(const struct press *p)
{
	size_t bytes;

	for (size_t i = 0; i < p->count; i++)
		if (p->feeder[i].sent < p->feeder[i].limit)
			return false;
	return count_fates(p, SENT, &bytes) == 0;
}

/* A sink with a thin line, or one that takes breaks: everything arrives. */
static void
run_slow(struct world *world)
{
	struct press *p = make(world);
	bool takes_breaks = rng_chance(&world->rng, 50);
	size_t total = 2 * p->high_bytes + (700U << 10), bytes;

	if (!takes_breaks)
		vhost_set_rate(p->sink->machine->host, total / rng_between(&world->rng, 20, 120));
	feed_all(p, requests_for(p, total / p->count));
	for (int i = 0; i < 400 && !has_all_arrived(p); i++) {
		if (takes_breaks) {
			raw_set_reading(p->sink, false);
			run_checked(p, rng_between(&world->rng, 1, 9) * SIM_S);
			raw_set_reading(p->sink, true);
			run_checked(p, rng_spread(&world->rng, SIM_MS, 100 * SIM_MS));
		} else {
			run_checked(p, SIM_S);
		}
	}
	sim_check(world, !p->is_sink_closed, "a slow reader was closed");
	sim_check(world, has_all_arrived(p), "%zu requests have not arrived",
		  count_fates(p, SENT, &bytes));
	free_all(p);
}

int
main(int argc, char **argv)
{
	static const struct scenario scenarios[] = {
		{"stuck", 12, run_stuck},
		{"slow", 10, run_slow},
	};

	return sim_main(argc, argv, scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}
