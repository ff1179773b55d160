/* pzh friend, pzp friend: the same except for --zone. @spec page 6 "Friends", page 12 */
#include "cli/friend.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/auto.h"
#include "cli/run.h"
#include "cli/text.h"

#define ACCEPT_TIMEOUT_MS 60000U /* the other hub has to answer */

/* Writes a fingerprint in groups of four, which two people can read to each other. */
static void
group(const char *hex, char out[96])
{
	size_t n = 0;

	for (size_t i = 0; hex[i] && n + 3 < 96; i++) {
		if (i > 0 && i % 4 == 0)
			out[n++] = ' ';
		out[n++] = hex[i];
	}
	out[n] = '\0';
}

static void
print_fingerprint(struct pz_cli *cli, const json_t *of, const char *label)
{
	char scratch[32], text[96];

	group(pz_cli_member(of, "fingerprint", scratch), text);
	PZ_AUTO_FREE char *clean = pz_cli_clean(text, false);
	fprintf(cli->out, "%s\n  %s\n", label, clean ? clean : "");
}

/* ---- invite ---- */

static int
print_invitation(struct pz_cli *cli, const json_t *made)
{
	json_int_t left = json_integer_value(json_object_get(made, "expires")) - time(NULL);
	char link_scratch[32], guest_scratch[32], span[32];
	const char *link = pz_cli_member(made, "link", link_scratch);
	PZ_AUTO_FREE char *guest = pz_cli_clean(pz_cli_member(made, "for", guest_scratch), false);

	pz_cli_print_qr(cli, link);
	fprintf(cli->out, "%s\n\n", link);
	pz_cli_span(left > 0 ? (uint64_t)left : 0, span);
	fprintf(cli->out, "valid once, for %s%s%s\n", span, guest && guest[0] ? ", for " : "",
		guest ? guest : "");
	print_fingerprint(cli, made, "fingerprint of this zone, for the other person to compare:");
	fprintf(cli->out, "next, the other person: pzh friend accept 'LINK' (or pzp friend accept "
			  "on a device)\n");
	return PZ_EXIT_DONE;
}

/* ---- one friend ---- */

static void
warn_alike(struct pz_cli *cli, const json_t *one)
{
	char scratch[32];
	PZ_AUTO_FREE char *alike = pz_cli_clean(pz_cli_member(one, "looksLike", scratch), false);

	if (alike && alike[0])
		fprintf(cli->out,
			"CAREFUL: its name looks like that of %s, and may belong to another "
			"person: "
			"compare the fingerprint\n",
			alike);
}

static int
print_friend(struct pz_cli *cli, const json_t *one)
{
	char zone_scratch[32], name_scratch[32], state_scratch[32];
	PZ_AUTO_FREE char *zone = pz_cli_clean(pz_cli_member(one, "zone", zone_scratch), false);
	PZ_AUTO_FREE char *name =
		pz_cli_clean(pz_cli_member(one, "displayName", name_scratch), false);
	const char *state = pz_cli_member(one, "state", state_scratch);

	if (zone == NULL || name == NULL)
		return pz_cli_fail(cli, PZ_EXIT_FAILED, "out of memory");
	if (strcmp(state, "friends") == 0) {
		fprintf(cli->out, "%s (%s) is a friend now\n", zone, name);
		return PZ_EXIT_DONE;
	}
	fprintf(cli->out, "zone  %s\nname  %s\n", zone, name);
	warn_alike(cli, one);
	print_fingerprint(cli, one, "fingerprint, to compare with what the other person sees:");
	if (strcmp(state, "waiting") == 0)
		fprintf(cli->out,
			"confirmed here; the zones are friends when the other owner has confirmed, "
			"too, "
			"which `%s friend list` shows\n",
			cli->program->name);
	else
		fprintf(cli->out, "next, when the fingerprint matches: %s friend confirm %s\n",
			cli->program->name, zone);
	return PZ_EXIT_DONE;
}

static int
print_removed(struct pz_cli *cli, const json_t *result)
{
	char scratch[32];
	PZ_AUTO_FREE char *zone = pz_cli_clean(pz_cli_member(result, "zone", scratch), false);

	fprintf(cli->out,
		"%s is no friend any more; rules of the policy about it stay, and count again if "
		"it "
		"becomes a friend later (`pzp shares`)\n",
		zone ? zone : "");
	return PZ_EXIT_DONE;
}

/* ---- list ---- */

static const char *
state_text(const json_t *one)
{
	static const char *const texts[][2] = {
		{"friends", "friend"},
		{"waiting", "waits for the other owner"},
		{"unconfirmed", "to be confirmed"},
		{"refused", "refuses this hub"},
	};
	char scratch[32];
	const char *state = pz_cli_member(one, "state", scratch);

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(texts[i][0], state) == 0)
			return texts[i][1];
	return "unknown";
}

static void
add_time(struct pz_cli_table *t, const json_t *one, const char *key)
{
	json_int_t ms = json_integer_value(json_object_get(one, key));
	char text[32] = "";

	if (ms > 0)
		pz_cli_time(ms / 1000, text);
	pz_cli_table_add(t, PZ_CLI_PLAIN, text);
}

static void
add_friend(struct pz_cli_table *t, const json_t *one)
{
	char scratch[32];
	bool is_connected = json_is_true(json_object_get(one, "connected"));

	pz_cli_table_add(t, PZ_CLI_PLAIN, pz_cli_member(one, "zone", scratch));
	pz_cli_table_add(t, PZ_CLI_PLAIN, pz_cli_member(one, "displayName", scratch));
	pz_cli_table_add(t, PZ_CLI_PLAIN, state_text(one));
	pz_cli_table_add(t, is_connected ? PZ_CLI_GREEN : PZ_CLI_PLAIN,
			 is_connected ? "yes" : "no");
	add_time(t, one, "since");
	if (is_connected)
		pz_cli_table_add(t, PZ_CLI_PLAIN, "now");
	else
		add_time(t, one, "lastSeen");
}

static int
print_friends(struct pz_cli *cli, const json_t *list)
{
	static const char *const titles[] = {"ZONE",      "NAME",  "STATE",
					     "CONNECTED", "SINCE", "LAST SEEN"};
	json_t *one;
	size_t i;

	if (json_array_size(list) == 0) {
		fprintf(cli->out,
			"no friends; '%s friend invite' makes a link for another person\n",
			cli->program->name);
		return PZ_EXIT_DONE;
	}
	struct pz_cli_table *t = pz_cli_table_new(titles, 6);
	json_array_foreach (list, i, one)
		if (t)
			add_friend(t, one);
	int status = pz_cli_print_table(cli, t);
	json_array_foreach (list, i, one)
		warn_alike(cli, one);
	return status;
}

/* ---- the command ---- */

/* Asks on a terminal if a mistake would admit the wrong person, or exclude one. */
static int
ask(const struct pz_cli *cli, const char *verb, const char *zone)
{
	if (strcmp(verb, "remove") == 0)
		return pz_cli_confirm(cli, "End the friendship with %s? It ends for both zones.",
				      zone);
	if (strcmp(verb, "confirm") == 0 && cli->in_is_tty)
		return pz_cli_confirm(cli,
				      "Have you compared the fingerprint of %s with the other "
				      "person ('%s friend list --json' shows it)?",
				      zone, cli->program->name);
	return PZ_EXIT_DONE;
}

static const struct verb {
	const char *name, *method;
	const char *param; /* the parameter of its argument; NULL: it has no argument */
	int (*print)(struct pz_cli *cli, const json_t *result);
} verbs[] = {
	{"invite", "friend-invite", NULL, print_invitation},
	{"accept", "friend-accept", "link", print_friend},
	{"list", "friend-list", NULL, print_friends},
	{"confirm", "friend-confirm", "friend", print_friend},
	{"remove", "friend-remove", "friend", print_removed},
};

static int
run(struct pz_cli *cli, const struct verb *verb)
{
	const char *argument = pz_cli_arg(cli, 1);

	if ((argument != NULL) != (verb->param != NULL))
		return pz_cli_usage(cli, "usage: friend %s%s", verb->name,
				    verb->param == NULL                ? ""
				    : strcmp(verb->param, "link") == 0 ? " LINK"
								       : " ZONE");
	int status = ask(cli, verb->name, argument);
	if (status != PZ_EXIT_DONE)
		return status;
	json_t *params = verb->param ? json_pack("{s:s}", verb->param, argument) : json_object();
	if (params == NULL)
		return pz_cli_usage(cli, "the argument is not valid UTF-8");
	pz_cli_opt_param(cli, params, "zone");
	if (strcmp(verb->name, "invite") == 0)
		pz_cli_opt_param(cli, params, "for");
	return pz_cli_show(cli, verb->method, params, ACCEPT_TIMEOUT_MS, verb->print);
}

int
pz_cli_cmd_friend(struct pz_cli *cli)
{
	const char *name = pz_cli_arg(cli, 0);

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return run(cli, &verbs[i]);
	return pz_cli_usage(cli, "friend needs one of: " PZ_CLI_FRIEND_USAGE);
}
