/* `pzp sync`: exchanges everything with the hub and all linked peers, and counts it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zonedata/internal.h"

#define COMMAND_TIMEOUT_US (20 * PZ_US_PER_S)

/* One of the nodes that this command synchronises with. */
struct sync_partner {
	struct pz_sync_link *link; /* NULL: finished, or its link is closed */
	char id[PZ_ADDRESS_BYTES_MAX + 1];
	bool is_complete;
	uint32_t until; /* the value of its `answered` when everything requested has arrived */
	size_t received[PZ_SYNC_KIND_COUNT], sent[PZ_SYNC_KIND_COUNT]; /* before, then changes */
};

struct sync_request {
	struct pz_request *request;
	struct pz_zonedata *data;
	struct pz_timer timer;
	size_t len;
	struct sync_partner *partners;
};

static void
release_sync(struct pz_request *request)
{
	struct sync_request *r = request->state;

	pz_env_stop(r->data->env, &r->timer);
	free(r->partners);
}

static const struct pz_request_kind sync_kind = {.size = sizeof(struct sync_request),
						 .release = release_sync};

static json_t *
moved_json(const size_t counts[PZ_SYNC_KIND_COUNT])
{
	json_t *moved = json_object();

	for (int id = 0; id < PZ_SYNC_KIND_COUNT; id++)
		if (counts[id] > 0)
			json_object_set_new(moved, pz_sync_kind((enum pz_sync_id)id)->name,
					    json_integer((json_int_t)counts[id]));
	return moved;
}

static json_t *
sync_result(const struct sync_request *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->len; i++) {
		const struct sync_partner *p = &r->partners[i];
		json_array_append_new(list,
				      json_pack("{s:s, s:b, s:o, s:o}", "id", p->id, "complete",
						p->is_complete, "received", moved_json(p->received),
						"sent", moved_json(p->sent)));
	}
	return list;
}

static void
end_partner(struct sync_partner *p, bool is_complete)
{
	const struct pz_sync_link *link = p->link;

	for (size_t id = 0; id < PZ_SYNC_KIND_COUNT; id++) {
		p->received[id] = link->received[id] - p->received[id];
		p->sent[id] = link->sent[id] - p->sent[id];
	}
	p->is_complete = is_complete;
	p->link = NULL;
}

static bool
is_done(const struct sync_request *r)
{
	for (size_t i = 0; i < r->len; i++)
		if (r->partners[i].link)
			return false;
	return true;
}

static void
on_command_timeout(struct pz_timer *timer, void *arg)
{
	struct sync_request *r = arg;

	(void)timer;
	for (size_t i = 0; i < r->len; i++)
		if (r->partners[i].link)
			end_partner(&r->partners[i], false);
	pz_request_answer(r->request, sync_result(r));
}

static void
tell_partner(struct sync_partner *p, struct pz_sync_link *link, bool is_lost)
{
	if (p->link != link)
		return;
	if (is_lost || (int32_t)(link->answered - p->until) >= 0)
		end_partner(p, !is_lost);
	else
		pz_sync_link_open(link);
}

void
pz_zonedata_end_commands(struct pz_sync_link *link, bool is_lost)
{
	const struct pz_zonedata *data = link->links->config.arg;

	PZ_REQUEST_EACH (data->config.requests, &sync_kind, request) {
		struct sync_request *r = request->state;
		for (size_t i = 0; i < r->len; i++)
			tell_partner(&r->partners[i], link, is_lost);
		if (is_done(r))
			pz_request_answer(request, sync_result(r));
	}
}

/* Everything has moved when a second exchange has ended: the requests of the first are answered
 * before it. */
static void
add_partner(struct sync_request *r, struct pz_sync_link *link)
{
	struct sync_partner *p = &r->partners[r->len++];

	p->link = link;
	p->until = link->opened + 2;
	snprintf(p->id, sizeof(p->id), "%s", link->to);
	memcpy(p->received, link->received, sizeof(p->received));
	memcpy(p->sent, link->sent, sizeof(p->sent));
}

static void
begin_sync(struct sync_request *r, struct pz_zonedata *data, size_t count)
{
	r->partners = calloc(count, sizeof(*r->partners));
	if (r->partners == NULL) {
		pz_request_fail(r->request, PZ_ERR_LIMIT_MEMORY, "out of memory");
		return;
	}
	pz_env_start(data->env, &r->timer, COMMAND_TIMEOUT_US);
	PZ_LIST_EACH (&data->links.list, n, tmp)
		add_partner(r, PZ_CONTAINER(n, struct pz_sync_link, node));
	/* A link that fails in here calls back into this loop. */
	for (size_t i = 0; i < count && !pz_request_is_over(r->request); i++)
		if (r->partners[i].link)
			pz_sync_link_open(r->partners[i].link);
}

void
pz_zonedata_sync_command(struct pz_zonedata *data, struct pz_request *request)
{
	size_t count = 0;

	PZ_LIST_EACH (&data->links.list, n, tmp)
		count++;
	if (count == 0) {
		pz_request_fail(request, PZ_ERR_NOTFOUND,
				data->zone->membership
					? "neither the hub nor a peer is connected: `pzp connect` "
					  "first"
					: "this device is not enrolled in a zone; `pzp enrol` "
					  "first");
		return;
	}
	struct sync_request *r = pz_request_begin(request, &sync_kind);
	if (r == NULL)
		return;
	r->request = request;
	r->data = data;
	pz_timer_init(&r->timer, on_command_timeout, r);
	begin_sync(r, data, count);
}
