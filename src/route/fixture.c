#include "route/fixture.h"

void
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

const struct pz_router_ops fx_router_ops = {.local = fx_local};

void
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

void
fx_close(struct world *w)
{
	pz_router_free(w->router);
	pz_buf_fini(&w->local_frames);
	assert_true(pz_kit_clock_is_idle(&w->clock)); /* all timers were stopped */
}

enum pz_err
fake_send(struct pz_session *session, struct pz_slice frame)
{
	struct fake *f = (struct fake *)session;

	if (f->send_err != PZ_OK)
		return f->send_err;
	assert_ok(pz_buf_append(&f->out, frame));
	session->queued += frame.len;
	return PZ_OK;
}

static void
fake_set_reading(struct pz_session *session, bool on)
{
	((struct fake *)session)->reading = on;
}

static void
fake_close(struct pz_session *session, enum pz_err why, const char *detail)
{
	struct fake *f = (struct fake *)session;

	assert_non_null(detail);
	f->closes++;
	f->close_why = why;
}

static const struct pz_session_ops fake_ops = {fake_send, fake_set_reading, fake_close};

void
fake_init(struct fake *f, enum pz_session_kind kind, const char *address)
{
	*f = (struct fake){.session = {.ops = &fake_ops, .kind = kind}, .reading = true};
	snprintf(f->address, sizeof(f->address), "%s", address);
	f->session.address = f->address;
	f->session.address_len = strlen(f->address);
	pz_buf_init(&f->out, SIZE_MAX / 4, NULL);
}

void
fake_attach(struct world *w, struct fake *f, enum pz_session_kind kind, const char *address)
{
	fake_init(f, kind, address);
	assert_ok(pz_router_attach(w->router, &f->session));
}

void
fake_detach(struct world *w, struct fake *f)
{
	pz_router_detach(w->router, &f->session);
	pz_buf_fini(&f->out);
}

void
fake_drain(struct world *w, struct fake *f, size_t len)
{
	pz_buf_consume(&f->out, len);
	f->session.queued -= len;
	f->session.drained += len;
	pz_router_drained(w->router, &f->session);
}

struct pz_slice
fx_frame(const char *fmt, ...)
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

struct pz_slice
fx_call(const char *from, const char *to)
{
	return fx_frame(
		"{\"type\":\"JSONRPC\",\"from\":\"%s\",\"to\":\"%s\",\"payload\":{\"jsonrpc\":"
		"\"2.0\",\"id\":\"r1\",\"method\":\"a.b\"}}",
		from, to);
}

json_t *
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

const char *
fx_str(const json_t *message, const char *name)
{
	const char *text = json_string_value(json_object_get(message, name));

	return text ? text : "";
}

uint64_t
fx_metric(const struct world *w, enum pz_metric metric)
{
	return pz_metric_get(&w->metrics, metric);
}
