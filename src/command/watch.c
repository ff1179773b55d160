/*
 * Commands that do not end: a request that begins as a watch receives every event until its client
 * disconnects.
 */
#include "command/watch.h"

static const struct pz_request_kind watch_kind = {0};

/* Adds when an event happened: seconds since 1970, with milliseconds. */
static void
add_time(const struct pz_requests *requests, json_t *event)
{
	double seconds = (double)pz_env_wall_ms(requests->env) / 1000;

	(void)json_object_set_new(event, "time", json_real(seconds));
}

void
pz_watch_begin(struct pz_request *request, json_t *takes_first)
{
	if (pz_request_begin(request, &watch_kind) == NULL) {
		json_decref(takes_first);
		return;
	}
	if (takes_first)
		add_time(request->requests, takes_first);
	pz_request_event(request, takes_first);
}

void
pz_watch_event(struct pz_requests *requests, json_t *takes_event)
{
	if (takes_event == NULL)
		return;
	add_time(requests, takes_event);
	/* One event object for all watchers: each request takes a reference and does not change
	 * it. */
	PZ_REQUEST_EACH (requests, &watch_kind, request)
		pz_request_event(request, json_incref(takes_event));
	json_decref(takes_event);
}

bool
pz_watch_has_any(const struct pz_requests *requests)
{
	return pz_requests_next(requests, &watch_kind, NULL) != NULL;
}
