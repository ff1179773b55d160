#include "kit/link.h"

#include "kit/check.h"
#include "kit/stream.h"
#include "wire/frame.h"
#include "wire/json.h"

static enum pz_err
on_send(struct pz_session *session, struct pz_slice frame)
{
	return pz_link_send(pz_link_of(session), frame);
}

static void
on_set_reading(struct pz_session *session, bool on)
{
	(void)session;
	(void)on;
}

static void
on_close(struct pz_session *session, enum pz_err why, const char *detail)
{
	pz_link_close(pz_link_of(session), why, detail);
}

/* No handshake is under way that could take too long. */
static void
on_time(struct pz_timer *timer, void *arg)
{
	(void)timer;
	(void)arg;
}

static void
on_life(struct pz_timer *timer, void *arg)
{
	(void)timer;
	if (pz_liveness_is_over(arg))
		pz_link_close(arg, PZ_ERR_IO_TIMEOUT, "no sign of life");
}

struct pz_link *
pz_kit_link_new(const struct pz_link_host *host, void *owner, enum pz_session_kind kind,
		const char *address)
{
	static const struct pz_session_ops ops = {on_send, on_set_reading, on_close};
	struct pz_link *link = calloc(1, sizeof(*link));

	PZ_KIT_CHECK(link);
	link->host = host;
	link->owner = owner;
	link->stream = pz_kit_stream_lost();
	link->session.ops = &ops;
	pz_buf_init(&link->tx, PZ_QUEUE_MAX_BYTES, NULL);
	pz_timer_init(&link->timer, on_time, link);
	pz_liveness_init(link, on_life);
	PZ_KIT_OK(pz_link_identify(link, kind, address));
	return link;
}

void
pz_kit_link_take(struct pz_link *link, void (*each)(void *arg, struct pz_slice frame), void *arg)
{
	struct pz_slice frame, rest = pz_buf_slice(&link->tx);
	size_t need;

	while (pz_frame_cut(rest, PZ_FRAME_BYTES_MAX, &frame, &need) == PZ_OK && frame.len > 0) {
		if (each)
			each(arg, frame);
		rest = pz_slice_of(rest.ptr + frame.len, rest.len - frame.len);
	}
	PZ_KIT_CHECK(rest.len == 0);
	link->session.queued = link->cipher.len;
	pz_buf_consume(&link->tx, link->tx.len);
}

static void
on_message(void *arg, struct pz_slice frame)
{
	json_t *message = pz_json_parse(pz_frame_body(frame), NULL);

	PZ_KIT_CHECK(message);
	PZ_KIT_CHECK(json_array_append_new(arg, message) == 0);
}

json_t *
pz_kit_link_messages(struct pz_link *link)
{
	json_t *list = json_array();

	pz_kit_link_take(link, on_message, list);
	return list;
}
