/* The pairing window as a whole: its life, and the commands that open it and answer. */
#include "pairing/pairing.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/host.h"
#include "command/table.h"
#include "pairing/internal.h"
#include "wire/json.h"

#define PORT_DEFAULT 8040

/* ---- the commands that follow a window ---- */

/* The request of `pair`: the window is open as long as the request. */
static void
release_pair(struct pz_request *request)
{
	struct pz_pairing *const *pairing = request->state;

	if (!request->is_ended)
		pz_pairing_close(*pairing, PZ_ERR_IO_CLOSED,
				 "the window was closed: `pzp pair` was interrupted");
}

static const struct pz_request_kind pair_kind = {.size = sizeof(struct pz_pairing *),
						 .release = release_pair};

/* `pair-answer`: the answer that it will give. */
struct answer {
	char digits[PZ_PAIR_DIGITS + 1]; /* yes if these digits are shown */
	bool remember, is_given;
};

static const struct pz_request_kind answer_kind = {.size = sizeof(struct answer)};

static void
report_to(struct pz_pairing *pairing, const struct pz_request_kind *kind)
{
	PZ_REQUEST_EACH (pairing->config.requests, kind, request)
		pz_request_event(request, pz_pairing_window_json(pairing->open));
}

static void
report(struct pz_pairing *pairing)
{
	if (pairing->open == NULL)
		return;
	report_to(pairing, &pair_kind);
	report_to(pairing, &answer_kind);
}

static void
answer_for(struct pz_pairing *pairing, struct pz_request *request)
{
	struct answer *answer = request->state;
	struct pz_errinfo info = {""};
	bool match = strcmp(answer->digits, pairing->open->digits) == 0;

	if (answer->is_given)
		return;
	answer->is_given = true;
	enum pz_err err = pz_pairing_answer(pairing, match, answer->remember, &info);
	if (err != PZ_OK)
		pz_request_fail(request, err, info.text);
}

static void
compare(struct pz_pairing *pairing)
{
	PZ_REQUEST_EACH (pairing->config.requests, &answer_kind, request)
		if (pairing->open)
			answer_for(pairing, request);
}

static void
finish_all(struct pz_pairing *pairing, const struct pz_request_kind *kind, json_t *result)
{
	PZ_REQUEST_EACH (pairing->config.requests, kind, request)
		pz_request_answer(request, json_incref(result));
}

static void
finish(struct pz_pairing *pairing, json_t *takes_result)
{
	finish_all(pairing, &pair_kind, takes_result);
	finish_all(pairing, &answer_kind, takes_result);
	json_decref(takes_result);
}

static const struct pair_followers followers = {
	.report = report,
	.compare = compare,
	.finish = finish,
};

/* ---- commands ---- */

static enum pz_err
read_wish(const struct pz_request *request, struct pair_wish *out, struct pz_errinfo *info)
{
	const char *host = pz_json_str(request->params, "host");

	if (host && !pz_host_is_dialable(host))
		return pz_fail(info, PZ_ERR_CONFIG,
			       "'%s' is no host: give the other device's DNS name or IP address, a "
			       "link-local one as fe80::1%%eth0",
			       host);
	out->host = host;
	out->port = (uint16_t)pz_request_int(request, "port", PORT_DEFAULT);
	out->remember = json_is_true(json_object_get(request->params, "remember"));
	return PZ_OK;
}

void
pz_pairing_command(struct pz_pairing *pairing, struct pz_request *request)
{
	struct pz_errinfo info = {""};
	struct pair_wish wish;
	enum pz_err err = read_wish(request, &wish, &info);

	if (err == PZ_OK && pairing->open)
		err = pz_pairing_open(pairing, &wish, &info); /* reports that a window is open */
	if (err != PZ_OK) {
		pz_request_fail(request, err, info.text);
		return;
	}
	struct pz_pairing **state = pz_request_begin(request, &pair_kind);
	if (state == NULL)
		return;
	*state = pairing;
	err = pz_pairing_open(pairing, &wish, &info);
	if (err != PZ_OK)
		pz_request_fail(request, err, info.text);
}

void
pz_pairing_answer_command(struct pz_pairing *pairing, struct pz_request *request)
{
	const char *digits = pz_json_str(request->params, "digits");
	struct answer *answer;

	if (pairing->open == NULL) {
		pz_request_fail(request, PZ_ERR_NOTFOUND,
				"no pairing window is open here: `pzp pair` opens one");
		return;
	}
	if (digits &&
	    (strlen(digits) != PZ_PAIR_DIGITS || strspn(digits, "0123456789") != PZ_PAIR_DIGITS)) {
		pz_request_fail(request, PZ_ERR_CONFIG, "the digits must be six, e.g. 012345");
		return;
	}
	answer = pz_request_begin(request, &answer_kind);
	if (answer == NULL)
		return;
	snprintf(answer->digits, sizeof(answer->digits), "%s", digits ? digits : "");
	answer->remember = json_is_true(json_object_get(request->params, "remember"));
	pz_request_event(request, pz_pairing_window_json(pairing->open));
	if (pairing->open->digits[0])
		answer_for(pairing, request);
	else if (digits == NULL)
		pz_pairing_close(pairing, PZ_ERR_IO_CLOSED,
				 "the window was closed: the answer is "
				 "no");
}

json_t *
pz_pairing_json(const struct pz_pairing *pairing)
{
	return pairing->open ? pz_pairing_window_json(pairing->open) : json_null();
}

json_t *
pz_pairing_peer_json(const struct pz_pairing *pairing)
{
	const struct pair_window *window = pairing->open;

	if (window == NULL || window->chosen == NULL)
		return NULL;
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:n, s:b, s:n, s:n, s:[], s:i, s:b, s:b, "
			 "s:n}",
			 "id", window->partner.identity, "displayName",
			 window->partner.display_name, "deviceType", "", "state",
			 pz_peer_state_text(window->state), "route", "none", "reason", "", "relay",
			 "private", false, "address", "latencyMs", "addresses", "port", 0, "friend",
			 false, "answers", false, "lastSeen");
}

/* ---- life ---- */

struct pz_pairing *
pz_pairing_new(const struct pz_pairing_config *config)
{
	struct pz_pairing *pairing = calloc(1, sizeof(*pairing));

	if (pairing == NULL)
		return NULL;
	pairing->config = *config;
	pairing->link_host = config->link_host;
	pairing->link_host.events = &pz_pairing_link_events;
	pairing->events = &pz_pairing_conn_events;
	pairing->followers = &followers;
	pz_list_init(&pairing->closed);
	pz_list_init(&pairing->records);
	pairing->own = pz_friends_new();
	if (pairing->own == NULL) {
		free(pairing);
		return NULL;
	}
	pz_pairing_keep_init(pairing);
	return pairing;
}

void
pz_pairing_end(struct pz_pairing *pairing)
{
	pairing->is_ending = true;
	pz_pairing_close(pairing, PZ_ERR_IO_CLOSED, "pzpd is stopping");
}

void
pz_pairing_free(struct pz_pairing *pairing)
{
	if (pairing == NULL)
		return;
	pz_pairing_records_end(pairing); /* the store may be freed already */
	pz_pairing_end(pairing);
	PZ_LIST_EACH (&pairing->closed, n, tmp)
		pz_pairing_window_free(PZ_CONTAINER(n, struct pair_window, node));
	pz_keep_stop(&pairing->keep);
	pz_friends_free(pairing->own);
	free(pairing);
}
