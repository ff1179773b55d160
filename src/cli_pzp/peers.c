/*
 * pzp peers, discover. A device chooses all texts about itself: tables clean each cell
 * (cli/text.h). @spec page 12
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/run.h"
#include "cli/text.h"
#include "cli_pzp/commands.h"

#define LOOK_MS 2000U /* wait for answers on the local network, unless --timeout is given */

/* "10.0.0.7, fe80::1%eth0" */
static void
add_addresses(struct pz_cli_table *t, const json_t *entry)
{
	const json_t *list = json_object_get(entry, "addresses");
	char text[512] = "";
	size_t i, n = 0;
	json_t *one;

	json_array_foreach ((json_t *)list, i, one) {
		const char *address = json_string_value(one);
		if (address && n + strlen(address) + 3 < sizeof(text))
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n ? ", " : "",
					      address);
	}
	pz_cli_table_add(t, PZ_CLI_PLAIN, text);
}

const char *
pz_pzp_short_id(const json_t *device, char scratch[32])
{
	const char *id = pz_cli_member(device, "id", scratch), *slash = strchr(id, '/');

	/* a device of another zone may have the same name as one of ours */
	return slash && slash[1] && !json_is_true(json_object_get(device, "friend")) ? slash + 1
										     : id;
}

/* 0: not known. */
static void
add_port(struct pz_cli_table *t, const json_t *entry)
{
	char scratch[32];
	const char *port = pz_cli_member(entry, "port", scratch);

	pz_cli_table_add(t, PZ_CLI_PLAIN, strcmp(port, "0") == 0 ? "" : port);
}

static void
add_member(struct pz_cli_table *t, const json_t *entry, const char *name)
{
	char scratch[32];

	pz_cli_table_add(t, PZ_CLI_PLAIN, pz_cli_member(entry, name, scratch));
}

const char *
pz_pzp_route(const json_t *peer, char scratch[32])
{
	const char *route = pz_cli_member(peer, "route", scratch);
	bool is_private = json_is_true(json_object_get(peer, "private"));

	return is_private && strcmp(route, "hub") == 0 ? "private" : route;
}

/* Yellow if messages cannot be delivered now. */
static enum pz_cli_colour
route_colour(const char *route)
{
	return strcmp(route, "none") == 0 ? PZ_CLI_YELLOW : PZ_CLI_GREEN;
}

static int
print_peers(struct pz_cli *cli, const json_t *peers)
{
	static const char *const titles[] = {"DEVICE", "NAME",      "TYPE", "LINK",
					     "WAY",    "ADDRESSES", "PORT"};
	struct pz_cli_table *t;
	json_t *peer;
	size_t i;

	if (json_array_size(peers) == 0) {
		fputs("no other devices known\n", cli->out);
		return PZ_EXIT_DONE;
	}
	t = pz_cli_table_new(titles, 7);
	json_array_foreach ((json_t *)peers, i, peer) {
		char scratch[32];
		if (t == NULL)
			break;
		pz_cli_table_add(t, PZ_CLI_PLAIN, pz_pzp_short_id(peer, scratch));
		add_member(t, peer, "displayName");
		add_member(t, peer, "deviceType");
		add_member(t, peer, "state");
		const char *route = pz_pzp_route(peer, scratch);
		const char *relay = json_string_value(json_object_get(peer, "relay"));
		if (relay && strcmp(route, "relay") == 0)
			pz_cli_table_addf(t, route_colour(route), "relay via %s", relay);
		else
			pz_cli_table_add(t, route_colour(route), route);
		add_addresses(t, peer);
		add_port(t, peer);
	}
	return pz_cli_print_table(cli, t);
}

int
pz_pzp_cmd_peers(struct pz_cli *cli)
{
	return pz_cli_show(cli, "peers", NULL, PZ_CLI_TIMEOUT_MS, print_peers);
}

/* "2026-11-30" of a time in seconds; "": not known. */
static void
add_date(struct pz_cli_table *t, const json_t *seconds)
{
	time_t time = (time_t)json_integer_value(seconds);
	struct tm tm;
	char text[32] = "";

	if (json_is_integer(seconds) && localtime_r(&time, &tm))
		(void)strftime(text, sizeof(text), "%Y-%m-%d", &tm);
	pz_cli_table_add(t, PZ_CLI_PLAIN, text);
}

/* "test@tv, file@laptop": the last part of each API. */
static void
add_may(struct pz_cli_table *t, const json_t *may)
{
	char text[512] = "";
	size_t i, n = 0;
	json_t *one;

	json_array_foreach ((json_t *)may, i, one) {
		const char *service = json_string_value(one);
		const char *slash = service ? strrchr(service, '/') : NULL;
		const char *name = slash ? slash + 1 : service;
		if (name && n + strlen(name) + 3 < sizeof(text))
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n ? ", " : "",
					      name);
	}
	pz_cli_table_add(t, PZ_CLI_PLAIN, text[0] ? text : "nothing");
}

static int
print_friends(struct pz_cli *cli, const json_t *friends)
{
	static const char *const titles[] = {"ZONE", "NAME",      "SINCE",
					     "HUB",  "LAST SEEN", "MAY USE"};
	struct pz_cli_table *t;
	json_t *one;
	size_t i;

	if (json_array_size(friends) == 0) {
		fputs("no friends\n", cli->out);
		return PZ_EXIT_DONE;
	}
	t = pz_cli_table_new(titles, 6);
	json_array_foreach ((json_t *)friends, i, one) {
		if (t == NULL)
			break;
		bool is_confirmed = json_is_true(json_object_get(one, "confirmed"));
		bool is_there = json_is_true(json_object_get(one, "connected"));
		const char *only = json_string_value(json_object_get(one, "only"));
		add_member(t, one, "zone");
		add_member(t, one, "displayName");
		if (only) /* paired, but not remembered */
			pz_cli_table_addf(t, PZ_CLI_YELLOW, "this session: %s only", only);
		else if (is_confirmed)
			add_date(t, json_object_get(one, "since"));
		else
			pz_cli_table_add(t, PZ_CLI_YELLOW, "not confirmed");
		pz_cli_table_add(t, is_there ? PZ_CLI_GREEN : PZ_CLI_YELLOW,
				 is_there ? "connected" : "not connected");
		add_date(t, json_object_get(one, "lastSeen"));
		add_may(t, json_object_get(one, "may"));
	}
	return pz_cli_print_table(cli, t);
}

int
pz_pzp_cmd_friends(struct pz_cli *cli)
{
	return pz_cli_show(cli, "friends", NULL, PZ_CLI_TIMEOUT_MS, print_friends);
}

/* A device that does not announce a tag of our zone is a stranger, without a name. */
static int
print_found(struct pz_cli *cli, const json_t *found)
{
	static const char *const titles[] = {"DEVICE", "INSTANCE", "ADDRESSES", "PORT"};
	struct pz_cli_table *t;
	json_t *one;
	size_t i;

	if (json_array_size(found) == 0) {
		fputs("no devices found\n", cli->out);
		return PZ_EXIT_DONE;
	}
	t = pz_cli_table_new(titles, 4);
	json_array_foreach ((json_t *)found, i, one) {
		if (t == NULL)
			break;
		if (json_is_string(json_object_get(one, "id")))
			add_member(t, one, "id");
		else if (json_is_string(json_object_get(one, "friend")))
			add_member(t, one, "friend");
		else
			pz_cli_table_add(t, PZ_CLI_PLAIN, "(stranger)");
		add_member(t, one, "instance");
		add_addresses(t, one);
		add_port(t, one);
	}
	return pz_cli_print_table(cli, t);
}

int
pz_pzp_cmd_discover(struct pz_cli *cli)
{
	const char *given = pz_cli_opt(cli, "timeout");
	unsigned look_ms = LOOK_MS;
	json_t *params = json_object();

	if (given && pz_cli_parse_seconds(given, &look_ms))
		(void)json_object_set_new(params, "timeout_ms", json_integer(look_ms));
	return pz_cli_show(cli, "discover", params, PZ_CLI_TIMEOUT_MS + look_ms, print_found);
}
