/* For the tests of this folder: a router on virtual time, sessions that keep what they are sent,
 * frames from text. */
#ifndef PZ_ROUTE_FIXTURE_H
#define PZ_ROUTE_FIXTURE_H

#include "kit/test.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/limits.h"
#include "kit/clock.h"
#include "route/router.h"
#include "wire/frame.h"

#define ZONE "alice@example.org"
#define LAPTOP ZONE "/laptop"
#define PHONE ZONE "/phone"
#define TV ZONE "/tv"
#define APP LAPTOP "/7f3a:1"

/** One session whose other end is the test. */
struct fake {
	struct pz_session session;
	char address[PZ_ADDRESS_BYTES_MAX + 1];
	struct pz_buf out;    /* frames that were not taken yet */
	enum pz_err send_err; /* what send answers; PZ_OK: it takes the frame */
	bool reading;
	int closes;
	enum pz_err close_why;
};

struct world {
	struct pz_kit_clock clock;
	struct pz_metrics metrics;
	struct pz_router *router;
	int locals, local_without_session;
	struct pz_session *local_in;
	struct pz_buf local_frames;
};

static inline void
fx_local(void *arg, struct pz_session *in, const struct pz_envelope *envelope,
	 struct pz_slice frame)
{
	struct world *w = arg;

	(void)envelope;
	w->locals++;
	w->local_in = in;
	w->local_without_session += in == NULL;
	assert_ok(pz_buf_append(&w->local_frames, frame));
}

static const struct pz_router_ops fx_router_ops = {.local = fx_local};

static inline void
fx_open(struct world *w, const char *self, size_t high, size_t low)
{
	*w = (struct world){0};
	pz_kit_clock_init(&w->clock);
	pz_buf_init(&w->local_frames, SIZE_MAX / 4, NULL);
	struct pz_router_config config = {
		.self = self,
		.env = &w->clock.env,
		.metrics = &w->metrics,
		.queue_high_bytes = high,
		.queue_low_bytes = low,
		.ops = &fx_router_ops,
		.arg = w,
	};
	assert_ok(pz_router_new(&config, &w->router));
}

static inline void
fx_close(struct world *w)
{
	pz_router_free(w->router);
	pz_buf_fini(&w->local_frames);
	assert_true(pz_kit_clock_is_idle(&w->clock)); /* all timers were stopped */
}

static inline enum pz_err
fake_send(struct pz_session *session, struct pz_slice frame)
{
	struct fake *f = (struct fake *)session;

	if (f->send_err != PZ_OK)
		return f->send_err;
	assert_ok(pz_buf_append(&f->out, frame));
	session->queued += frame.len;
	return PZ_OK;
}

static inline void
fake_set_reading(struct pz_session *session, bool on)
{
	((struct fake *)session)->reading = on;
}

static inline void
fake_close(struct pz_session *session, enum pz_err why, const char *detail)
{
	struct fake *f = (struct fake *)session;

	assert_non_null(detail);
	f->closes++;
	f->close_why = why;
}

static const struct pz_session_ops fake_ops = {fake_send, fake_set_reading, fake_close};

static inline void
fake_init(struct fake *f, enum pz_session_kind kind, const char *address)
{
	*f = (struct fake){.session = {.ops = &fake_ops, .kind = kind}, .reading = true};
	snprintf(f->address, sizeof(f->address), "%s", address);
	f->session.address = f->address;
	f->session.address_len = strlen(f->address);
	pz_buf_init(&f->out, SIZE_MAX / 4, NULL);
}

static inline void
fake_attach(struct world *w, struct fake *f, enum pz_session_kind kind, const char *address)
{
	fake_init(f, kind, address);
	assert_ok(pz_router_attach(w->router, &f->session));
}

static inline void
fake_detach(struct world *w, struct fake *f)
{
	pz_router_detach(w->router, &f->session);
	pz_buf_fini(&f->out);
}

/** The other end takes `len` bytes of the queue. */
static inline void
fake_drain(struct world *w, struct fake *f, size_t len)
{
	pz_buf_consume(&f->out, len);
	f->session.queued -= len;
	f->session.drained += len;
	pz_router_drained(w->router, &f->session);
}

/** A frame around the text; valid until the next call but seven. */
static inline struct pz_slice PZ_PRINTF(1, 2) fx_frame(const char *fmt, ...)
{
	static uint8_t ring[8][4096];
	static unsigned next;
	uint8_t *at = ring[next++ % 8];
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf((char *)at + PZ_FRAME_HEADER_BYTES, sizeof(ring[0]) - 4, fmt, ap);
	va_end(ap);
	assert_in_range(n, 1, sizeof(ring[0]) - 5);
	pz_frame_put_header(at, (size_t)n);
	return pz_slice_of(at, (size_t)n + PZ_FRAME_HEADER_BYTES);
}

/** A call from one to the other. */
static inline struct pz_slice
fx_call(const char *from, const char *to)
{
	return fx_frame(
		"{\"type\":\"JSONRPC\",\"from\":\"%s\",\"to\":\"%s\",\"payload\":{\"jsonrpc\":"
		"\"2.0\",\"id\":\"r1\",\"method\":\"a.b\"}}",
		from, to);
}

/** The next frame as a tree, which the caller decrefs; NULL: no frame waits. */
static inline json_t *
fx_take(struct pz_buf *frames)
{
	struct pz_slice frame, body;
	size_t need;

	if (frames->len == 0)
		return NULL;
	assert_ok(pz_frame_cut(pz_buf_slice(frames), PZ_FRAME_BYTES_MAX, &frame, &need));
	assert_true(frame.len > 0);
	body = pz_frame_body(frame);
	json_t *message = json_loadb((const char *)body.ptr, body.len, 0, NULL);
	assert_non_null(message);
	pz_buf_consume(frames, frame.len);
	return message;
}

static inline const char *
fx_str(const json_t *message, const char *name)
{
	const char *text = json_string_value(json_object_get(message, name));

	return text ? text : "";
}

static inline uint64_t
fx_metric(const struct world *w, enum pz_metric metric)
{
	return pz_metric_get(&w->metrics, metric);
}

#endif
