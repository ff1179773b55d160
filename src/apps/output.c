/* Output to visitors, and their number: what sessions and messages need of connections. */
#include "apps/internal.h"

/* Sent at the end of the turn, so that many messages of one turn leave in one write. */
void
pz_visitor_wake(struct pz_visitor *visitor)
{
	if (visitor->http && !visitor->work.active)
		pz_env_start(visitor->apps->env, &visitor->work, 0);
}

void
pz_visitor_expire(struct pz_visitor *visitor)
{
	visitor->resume.secret[0] = '\0';
	pz_env_start(visitor->apps->env, &visitor->resume.left, 0);
}

void
pz_visitor_close(struct pz_visitor *visitor, uint16_t code, const char *why)
{
	/* Without its secret the session cannot be taken over: the close is final. */
	visitor->resume.secret[0] = '\0';
	if (visitor->http)
		pz_http_close(visitor->http, code, why);
	else
		pz_visitor_expire(visitor);
}

void
pz_visitor_disconnect(struct pz_visitor *visitor)
{
	pz_env_stop(visitor->apps->env, &visitor->work);
	if (visitor->stream)
		visitor->stream->ops->close(visitor->stream);
	visitor->stream = NULL;
	pz_http_free(PZ_TAKE(visitor->http));
}

bool
pz_visitor_waits(const struct pz_visitor *visitor)
{
	/* Broken but not given up: on_work has not seen the end yet, and the session may continue
	 * elsewhere. */
	return visitor->http == NULL || (visitor->is_broken && visitor->resume.secret[0]);
}

/* After a lost message the page would have an incomplete state: then the connection ends. */
static enum pz_err
keep(struct pz_visitor *visitor, struct pz_slice text)
{
	/* Length before each text, in the order of this machine: it never leaves the process. */
	uint32_t len = (uint32_t)text.len;

	if (pz_buf_append(&visitor->resume.waiting, pz_slice_of(&len, sizeof(len))) != PZ_OK ||
	    pz_buf_append(&visitor->resume.waiting, text) != PZ_OK) {
		pz_visitor_expire(visitor);
		return PZ_ERR_LIMIT_QUEUE;
	}
	visitor->session.queued = visitor->resume.waiting.len;
	return PZ_OK;
}

enum pz_err
pz_visitor_send(struct pz_visitor *visitor, struct pz_slice text)
{
	if (pz_visitor_waits(visitor))
		return keep(visitor, text);
	struct pz_websocket *ws = pz_http_websocket(visitor->http);

	if (ws == NULL || visitor->is_broken)
		return PZ_ERR_IO_CLOSED;
	PZ_TRY(pz_websocket_send(ws, true, text));
	visitor->session.queued = pz_http_out(visitor->http).len;
	pz_visitor_wake(visitor);
	return PZ_OK;
}

/* Nothing may come after the end, and a stream at its end would be readable for ever. */
void
pz_visitor_cut(struct pz_visitor *visitor)
{
	visitor->is_broken = true;
	visitor->stream->ops->set_reading(visitor->stream, false);
	pz_visitor_wake(visitor);
}

void
pz_visitors_count(const struct pz_apps *apps, const char *origin, size_t *out_apps,
		  size_t *out_others)
{
	*out_apps = *out_others = 0;
	PZ_LIST_EACH (&apps->visitors, node, tmp) {
		const struct pz_visitor *visitor = PZ_CONTAINER(node, struct pz_visitor, hook);

		/* Without a connection it uses no descriptor, so it takes no place. */
		if (visitor->http == NULL || visitor->is_broken)
			continue;
		if (visitor->origin == NULL)
			(*out_others)++;
		else if (origin == NULL || strcmp(origin, visitor->origin) == 0)
			(*out_apps)++;
	}
}
