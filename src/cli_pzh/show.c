/* pzh zones, devices, status: shows what this hub hosts. Devices choose their names; tables clean
 * each cell (cli/text.h). */
#include <string.h>

#include "cli/run.h"
#include "cli/text.h"
#include "cli_pzh/commands.h"

/* ---- zones ---- */

/* The zones that are leaving this hub. */
static int
print_moving(struct pz_cli *cli, const json_t *zones)
{
	struct pz_cli_table *t = pz_cli_table_new(NULL, 1);
	json_t *zone;
	size_t i;

	json_array_foreach (zones, i, zone) {
		const json_t *moving = json_object_get(zone, "moving");
		char name[32], host[32], port[32];

		if (t && moving)
			pz_cli_table_addf(t, PZ_CLI_YELLOW,
					  "%.254s is moving to %.253s port %s; `pzh export --stay` "
					  "calls it off",
					  pz_cli_member(zone, "zone", name),
					  pz_cli_member(moving, "host", host),
					  pz_cli_member(moving, "port", port));
	}
	return pz_cli_print_table(cli, t);
}

static int
print_zones(struct pz_cli *cli, const json_t *zones)
{
	static const char *const titles[] = {"ZONE",    "HOST",      "NAME",
					     "DEVICES", "CONNECTED", "FINGERPRINT"};
	static const char *const members[] = {"zone",    "host",      "name",
					      "devices", "connected", "fingerprint"};

	if (json_array_size(zones) == 0) {
		fputs("no zones; 'pzh init' makes one\n", cli->out);
		return PZ_EXIT_DONE;
	}
	int status = pz_cli_print_rows(cli, zones, titles, members, 6);
	return status == PZ_EXIT_DONE ? print_moving(cli, zones) : status;
}

int
pz_pzh_cmd_zones(struct pz_cli *cli)
{
	return pz_cli_show(cli, "zones", NULL, PZ_CLI_TIMEOUT_MS, print_zones);
}

/* ---- devices ---- */

/* The first address with the port, in the form that a person would type. */
static void
add_address(struct pz_cli_table *t, const json_t *device)
{
	const char *address =
		json_string_value(json_array_get(json_object_get(device, "addresses"), 0));
	json_int_t port = json_integer_value(json_object_get(device, "port"));
	bool v6 = address && strchr(address, ':');

	if (address == NULL || port == 0)
		pz_cli_table_add(t, PZ_CLI_PLAIN, address ? address : "");
	else
		pz_cli_table_addf(t, PZ_CLI_PLAIN, "%s%.100s%s:%" JSON_INTEGER_FORMAT,
				  v6 ? "[" : "", address, v6 ? "]" : "", port);
}

/* "connected", "offline", or when and why it was revoked. */
static void
add_state(struct pz_cli_table *t, const json_t *device)
{
	const json_t *revoked = json_object_get(device, "revoked"); /* seconds; 0: time unknown */
	bool connected = json_is_true(json_object_get(device, "connected"));
	const char *reason = json_string_value(json_object_get(device, "reason"));
	char when[32] = "out";

	if (!json_is_integer(revoked)) {
		pz_cli_table_add(t, connected ? PZ_CLI_GREEN : PZ_CLI_YELLOW,
				 connected ? "connected" : "offline");
		return;
	}
	if (json_integer_value(revoked) > 0)
		pz_cli_time((int64_t)json_integer_value(revoked), when);
	pz_cli_table_addf(t, PZ_CLI_RED, "%s%s%s", reason && reason[0] ? reason : "revoked",
			  json_integer_value(revoked) > 0 ? ", " : "",
			  json_integer_value(revoked) > 0 ? when : "");
}

/* One row. A time that is null is shown as "never", a missing one as nothing. */
static void
add_device(struct pz_cli_table *t, const json_t *device)
{
	const json_t *seen = json_object_get(device, "lastSeen");
	bool connected = json_is_true(json_object_get(device, "connected"));
	char scratch[32], when[32];

	pz_cli_table_add(t, PZ_CLI_PLAIN, pz_cli_member(device, "name", scratch));
	pz_cli_table_add(t, PZ_CLI_PLAIN, pz_cli_member(device, "displayName", scratch));
	pz_cli_table_add(t, PZ_CLI_PLAIN, pz_cli_member(device, "deviceType", scratch));
	add_state(t, device);
	add_address(t, device);
	if (json_is_integer(seen) || json_is_null(seen))
		pz_cli_time((int64_t)json_integer_value(seen), when);
	else
		when[0] = '\0';
	pz_cli_table_add(t, PZ_CLI_PLAIN, connected ? "now" : when);
}

static int
print_devices(struct pz_cli *cli, const json_t *devices)
{
	static const char *const titles[] = {"DEVICE", "NAME",    "TYPE",
					     "STATE",  "ADDRESS", "LAST SEEN"};
	struct pz_cli_table *t;
	json_t *device;
	size_t i;

	if (json_array_size(devices) == 0) {
		fputs("no devices; 'pzh token' makes a code for one\n", cli->out);
		return PZ_EXIT_DONE;
	}
	t = pz_cli_table_new(titles, 6);
	json_array_foreach (devices, i, device) {
		if (t)
			add_device(t, device);
	}
	return pz_cli_print_table(cli, t);
}

int
pz_pzh_cmd_devices(struct pz_cli *cli)
{
	json_t *params = json_object();

	pz_cli_opt_param(cli, params, "zone");
	if (pz_cli_opt(cli, "all"))
		json_object_set_new(params, "all", json_true());
	return pz_cli_show(cli, "devices", params, PZ_CLI_TIMEOUT_MS, print_devices);
}

/* ---- status ---- */

/* Each zone with the days until its certificates expire. */
static void
add_zones(struct pz_cli_table *t, const json_t *zones)
{
	json_t *zone;
	size_t i;

	json_array_foreach (zones, i, zone) {
		char scratch[32];

		pz_cli_table_add(t, PZ_CLI_BOLD, "zone");
		pz_cli_table_add(t, PZ_CLI_PLAIN,
				 json_is_string(zone) ? json_string_value(zone)
						      : pz_cli_member(zone, "zone", scratch));
		pz_cli_add_days(t, json_object_get(zone, "daysLeft"), "zone's authority");
	}
}

/* Warnings follow the zones directly, so that they are noticed. */
static int
print_status(struct pz_cli *cli, const json_t *status)
{
	const json_t *ports = json_object_get(status, "ports");
	const json_t *messages = json_object_get(status, "messages");
	const json_t *uptime = json_object_get(status, "uptime");
	struct pz_cli_table *t = pz_cli_table_new(NULL, 2);
	char a[32], b[32], c[32];

	if (t == NULL)
		return pz_cli_print_table(cli, t);
	add_zones(t, json_object_get(status, "zones"));
	pz_cli_add_warnings(t, json_object_get(status, "warnings"));
	pz_cli_table_add(t, PZ_CLI_BOLD, "links");
	pz_cli_table_addf(t, PZ_CLI_PLAIN, "%zu",
			  json_array_size(json_object_get(status, "links")));
	pz_cli_table_add(t, PZ_CLI_BOLD, "ports");
	const char *web = pz_cli_member(ports, "web", b);
	pz_cli_table_addf(t, PZ_CLI_PLAIN, "overlay %s%s%s", pz_cli_member(ports, "overlay", a),
			  web[0] ? ", web " : "", web);
	pz_cli_table_add(t, PZ_CLI_BOLD, "messages");
	pz_cli_table_addf(t, PZ_CLI_PLAIN, "%s in, %s out, %s dropped",
			  pz_cli_member(messages, "in", a), pz_cli_member(messages, "out", b),
			  pz_cli_member(messages, "dropped", c));
	pz_cli_table_add(t, PZ_CLI_BOLD, "version");
	pz_cli_table_addf(t, PZ_CLI_PLAIN, "%.40s, pid %s", pz_cli_member(status, "version", a),
			  pz_cli_member(status, "pid", b));
	if (json_is_number(uptime) && json_number_value(uptime) >= 0) {
		pz_cli_span((uint64_t)json_number_value(uptime), a);
		pz_cli_table_add(t, PZ_CLI_BOLD, "uptime");
		pz_cli_table_add(t, PZ_CLI_PLAIN, a);
	}
	return pz_cli_print_whole_table(cli, t);
}

int
pz_pzh_cmd_status(struct pz_cli *cli)
{
	return pz_cli_show(cli, "status", NULL, PZ_CLI_TIMEOUT_MS, print_status);
}
