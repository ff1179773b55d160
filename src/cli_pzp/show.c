/*
 * pzp status, services. Both answer the first questions of a person: whether this device is
 * connected, what is wrong, and which text names a service in `pzp call`.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/run.h"
#include "cli/text.h"
#include "cli_pzp/commands.h"

/* ---- status ---- */

/* A virgin device is not a fault, so it is not yellow. */
static enum pz_cli_colour
state_colour(const char *state)
{
	if (strcmp(state, "connected") == 0)
		return PZ_CLI_GREEN;
	return strncmp(state, "virgin", 6) == 0 ? PZ_CLI_PLAIN : PZ_CLI_YELLOW;
}

/* "label  value"; nothing without a value. */
static void
add_line(struct pz_cli_table *t, const char *label, enum pz_cli_colour colour, const char *value)
{
	if (value[0] == '\0')
		return;
	pz_cli_table_add(t, PZ_CLI_BOLD, label);
	pz_cli_table_add(t, colour, value);
}

/* The hub's address for the next link. */
static void
add_next_hub(struct pz_cli_table *t, const json_t *next)
{
	char port[32], scratch[32], text[400];

	if (next == NULL)
		return;
	snprintf(text, sizeof(text), "%.280s:%s", pz_cli_member(next, "host", scratch),
		 pz_cli_member(next, "port", port));
	add_line(t, "next hub", PZ_CLI_YELLOW, text);
}

/* "host:port, since ..., through phone"; nothing before the enrolment. */
static void
add_hub(struct pz_cli_table *t, const json_t *hub)
{
	char port_scratch[32], scratch[32], since[32], text[400];
	const char *host = pz_cli_member(hub, "host", scratch);
	const char *port = pz_cli_member(hub, "port", port_scratch);
	const char *relay = json_string_value(json_object_get(hub, "relay"));
	json_int_t when = json_integer_value(json_object_get(hub, "since"));
	int n;

	if (host[0] == '\0')
		return;
	n = snprintf(text, sizeof(text), "%.280s%s%s", host, port[0] ? ":" : "", port);
	if (when > 0) {
		pz_cli_time(when, since);
		n += snprintf(text + n, sizeof(text) - (size_t)n, ", since %s", since);
	}
	if (relay)
		snprintf(text + n, sizeof(text) - (size_t)n, ", through %.63s", relay);
	add_line(t, "hub", PZ_CLI_PLAIN, text);
	add_next_hub(t, json_object_get(hub, "next"));
}

static void
add_ports(struct pz_cli_table *t, const json_t *ports)
{
	char tls_scratch[32], web_scratch[32], text[96];
	const char *tls = pz_cli_member(ports, "tls", tls_scratch);
	const char *web = pz_cli_member(ports, "web", web_scratch);

	snprintf(text, sizeof(text), "%s%.20s%s%s%.20s", tls[0] ? "tls " : "", tls,
		 tls[0] && web[0] ? ", " : "", web[0] ? "web " : "", web);
	add_line(t, "ports", PZ_CLI_PLAIN, text);
}

static void
add_process(struct pz_cli_table *t, const json_t *status)
{
	char scratch[32], pid_scratch[32], span[32], text[128];
	const json_t *uptime = json_object_get(status, "uptime");

	snprintf(text, sizeof(text), "%.40s, pid %s", pz_cli_member(status, "version", scratch),
		 pz_cli_member(status, "pid", pid_scratch));
	add_line(t, "version", PZ_CLI_PLAIN, text);
	if (json_is_number(uptime) && json_number_value(uptime) >= 0) {
		pz_cli_span((uint64_t)json_number_value(uptime), span);
		add_line(t, "uptime", PZ_CLI_PLAIN, span);
	}
}

/* Preferences that apply from the next reconnect on. */
static void
add_pending(struct pz_cli_table *t, const json_t *pending)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)pending, key, value) {
		char scratch[32], text[300];

		snprintf(text, sizeof(text),
			 "%.80s = %.160s, from the next reconnect on: `pzp reconnect`", key,
			 pz_pzp_pref_text(pending, key, scratch));
		add_line(t, "pending", PZ_CLI_YELLOW, text);
	}
}

static const char *
way_text(const char *route)
{
	static const char *const ways[][2] = {{"direct", "direct"},
					      {"hub", "by the hub"},
					      {"private", "by the hub, private"},
					      {"none", "cannot be reached"}};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (strcmp(route, ways[i][0]) == 0)
			return ways[i][1];
	return route;
}

/* The route of messages to the device, in words; a relay is named. */
static void
add_way(struct pz_cli_table *t, const json_t *peer, const char *route)
{
	const char *relay = json_string_value(json_object_get(peer, "relay"));

	if (relay && strcmp(route, "relay") == 0)
		pz_cli_table_addf(t, PZ_CLI_GREEN, "through %s", relay);
	else
		pz_cli_table_add(t, strcmp(route, "none") == 0 ? PZ_CLI_YELLOW : PZ_CLI_GREEN,
				 way_text(route));
}

/* A connected device is seen now, whatever time is recorded. */
static void
add_seen(struct pz_cli_table *t, const json_t *peer, bool is_there)
{
	json_int_t seen = json_integer_value(json_object_get(peer, "lastSeen"));
	char when[32] = "";

	if (seen > 0)
		pz_cli_time((int64_t)seen, when);
	pz_cli_table_add(t, PZ_CLI_PLAIN, is_there ? "now" : when);
}

/* Only a direct link has a latency; below 10 ms with one decimal. */
static void
add_latency(struct pz_cli_table *t, const json_t *peer)
{
	double ms = json_number_value(json_object_get(peer, "latencyMs"));
	char text[32] = "";

	if (ms > 0)
		(void)snprintf(text, sizeof(text), ms < 10 ? "%.1f ms" : "%.0f ms", ms);
	pz_cli_table_add(t, PZ_CLI_PLAIN, text);
}

/* One line for each device. */
static int
print_peers(const struct pz_cli *cli, const json_t *peers)
{
	static const char *const titles[] = {"DEVICE",  "NAME",    "WAY",
					     "ADDRESS", "LATENCY", "LAST SEEN"};
	struct pz_cli_table *t;
	json_t *peer;
	size_t i;

	if (json_array_size(peers) == 0)
		return PZ_EXIT_DONE;
	fputc('\n', cli->out);
	t = pz_cli_table_new(titles, 6);
	json_array_foreach (peers, i, peer) {
		char scratch[32], route_scratch[32];
		const char *route = pz_pzp_route(peer, route_scratch);
		bool is_there = strcmp(route, "none") != 0;

		if (t == NULL)
			break;
		pz_cli_table_add(t, PZ_CLI_PLAIN, pz_pzp_short_id(peer, scratch));
		pz_cli_table_add(t, PZ_CLI_PLAIN, pz_cli_member(peer, "displayName", scratch));
		add_way(t, peer, route);
		pz_cli_table_add(t, PZ_CLI_PLAIN, pz_cli_member(peer, "address", scratch));
		add_latency(t, peer);
		add_seen(t, peer, is_there);
	}
	return pz_cli_print_table(cli, t);
}

/* The state of the link to the hub, in everyday words. */
static const char *
state_text(const char *state)
{
	static const char *const texts[][2] = {
		{"virgin", "not in a zone"},
		{"virgin-connecting", "enrolling: connecting to the hub"},
		{"virgin-connected", "enrolling: storing certificates"},
		{"not-connected", "not connected to the hub"},
		{"connecting", "connecting to the hub"},
		{"connected", "connected to the hub"},
		{"disconnecting", "disconnecting from the hub"},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(state, texts[i][0]) == 0)
			return texts[i][1];
	return state;
}

static void
add_state(struct pz_cli_table *t, const json_t *status)
{
	char s[32];
	const char *state = pz_cli_member(status, "state", s);
	bool is_new = strcmp(state, "virgin") == 0;

	add_line(t, is_new ? "device" : "id", PZ_CLI_PLAIN, pz_cli_member(status, "id", s));
	state = pz_cli_member(status, "state", s);
	add_line(t, "state", state_colour(state), state_text(state));
	add_line(t, "reason", PZ_CLI_YELLOW, pz_cli_member(status, "reason", s));
	add_line(t, "before", PZ_CLI_YELLOW, pz_cli_member(status, "lastFailure", s));
	if (is_new)
		add_line(t, "next", PZ_CLI_PLAIN,
			 "pzp enrol LINK   (`pzh token` on the hub shows the link)");
}

/* The state first, then what needs attention, then the process. */
static int
print_status(struct pz_cli *cli, const json_t *status)
{
	struct pz_cli_table *t = pz_cli_table_new(NULL, 2);
	int result;

	if (t) {
		add_state(t, status);
		add_hub(t, json_object_get(status, "hub"));
		add_ports(t, json_object_get(status, "ports"));
		add_pending(t, json_object_get(status, "pending"));
		pz_cli_add_days(t, json_object_get(status, "daysLeft"), "this device's authority");
		pz_cli_add_warnings(t, json_object_get(status, "warnings"));
		add_process(t, status);
	}
	/* Each line has one fact, so none of it is cut. */
	result = pz_cli_print_whole_table(cli, t);
	if (result != PZ_EXIT_DONE)
		return result;
	return print_peers(cli, json_object_get(status, "peers"));
}

int
pz_pzp_cmd_status(struct pz_cli *cli)
{
	return pz_cli_show(cli, "status", NULL, PZ_CLI_TIMEOUT_MS, print_status);
}

/* ---- services ---- */

#define HANDLE_BYTES 400

/* The text that names a service in a call: the last part of its API and its device; or its id
 * (by_id). */
static void
handle_of(const json_t *service, bool by_id, char out[HANDLE_BYTES])
{
	char api_scratch[32], at_scratch[32], id_scratch[32];
	const char *api = pz_cli_member(service, "api", api_scratch);
	const char *at = pz_cli_member(service, "serviceAddress", at_scratch);
	const char *slash = strrchr(api, '/'), *device = strchr(at, '/');

	snprintf(out, HANDLE_BYTES, "%.300s@%.63s",
		 by_id   ? pz_cli_member(service, "id", id_scratch)
		 : slash ? slash + 1
			 : api,
		 device ? device + 1 : at);
}

/* Counts how often each handle occurs. New, or NULL. */
static json_t *
count_handles(const json_t *services)
{
	json_t *counts = json_object();

	for (size_t i = 0; i < json_array_size(services); i++) {
		char handle[HANDLE_BYTES];
		handle_of(json_array_get(services, i), false, handle);
		json_int_t n = json_integer_value(json_object_get(counts, handle));
		(void)json_object_set_new(counts, handle, json_integer(n + 1));
	}
	return counts;
}

/* The columns depend on --all and --long, like the titles in print_services. */
static void
add_service(const struct pz_cli *cli, struct pz_cli_table *t, const json_t *service,
	    const json_t *counts)
{
	static const char *const members[] = {"displayName", "description", "api", "id"};
	bool is_offline = json_is_true(json_object_get(service, "offline"));
	size_t count = pz_cli_opt(cli, "long") ? 4 : 2;
	char handle[HANDLE_BYTES], scratch[32];

	handle_of(service, false, handle);
	if (json_integer_value(json_object_get(counts, handle)) > 1)
		handle_of(service, true, handle);
	pz_cli_table_add(t, PZ_CLI_BOLD, handle);
	if (pz_cli_opt(cli, "all"))
		pz_cli_table_add(t, is_offline ? PZ_CLI_YELLOW : PZ_CLI_PLAIN,
				 is_offline ? "offline" : "online");
	for (size_t m = 0; m < count; m++)
		pz_cli_table_add(t, PZ_CLI_PLAIN, pz_cli_member(service, members[m], scratch));
}

/* A handle that occurs twice is replaced by the id, so that each line can be used in a call. */
static int
print_services(struct pz_cli *cli, const json_t *services)
{
	static const char *const titles[] = {"SERVICE", "NAME", "DESCRIPTION", "API", "ID"};
	static const char *const all_titles[] = {"SERVICE",     "STATE", "NAME",
						 "DESCRIPTION", "API",   "ID"};
	bool is_all = pz_cli_opt(cli, "all") != NULL;
	size_t columns = (pz_cli_opt(cli, "long") ? 5U : 3U) + is_all;
	struct pz_cli_table *t;
	json_t *counts;

	if (json_array_size(services) == 0) {
		fputs("no services\n", cli->out);
		return PZ_EXIT_DONE;
	}
	t = pz_cli_table_new(is_all ? all_titles : titles, columns);
	counts = count_handles(services);
	for (size_t i = 0; t && i < json_array_size(services); i++)
		add_service(cli, t, json_array_get(services, i), counts);
	json_decref(counts);
	return pz_cli_print_table(cli, t);
}

int
pz_pzp_cmd_services(struct pz_cli *cli)
{
	json_t *params = json_object();

	pz_cli_opt_param(cli, params, "api");
	pz_cli_opt_param(cli, params, "zone");
	pz_cli_opt_param(cli, params, "device");
	if (pz_cli_opt(cli, "all"))
		json_object_set_new(params, "all", json_true());
	return pz_cli_show(cli, "services", params, PZ_CLI_TIMEOUT_MS, print_services);
}
