/* What goes to a visitor, and how many there are: what sessions and messages need of connections.
 */
#include "apps/internal.h"

void
pz_visitor_wake(struct pz_visitor *visitor)
{
	if (!visitor->work.active)
		pz_env_start(visitor->apps->env, &visitor->work, 0);
}

enum pz_err
pz_visitor_send(struct pz_visitor *visitor, struct pz_slice text)
{
	struct pz_websocket *ws = pz_http_websocket(visitor->http);

	if (ws == NULL || visitor->is_broken)
		return PZ_ERR_IO_CLOSED;
	PZ_TRY(pz_websocket_send(ws, true, text));
	visitor->session.queued = pz_http_out(visitor->http).len;
	pz_visitor_wake(visitor);
	return PZ_OK;
}

void
pz_visitors_count(const struct pz_apps *apps, const char *origin, size_t *out_apps,
		  size_t *out_others)
{
	*out_apps = *out_others = 0;
	PZ_LIST_EACH (&apps->visitors, node, tmp) {
		const struct pz_visitor *visitor = PZ_CONTAINER(node, struct pz_visitor, hook);

		if (visitor->origin == NULL)
			(*out_others)++;
		else if (origin == NULL || strcmp(origin, visitor->origin) == 0)
			(*out_apps)++;
	}
}
