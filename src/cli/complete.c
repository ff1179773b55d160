/*
 * Completion of both programs, and of the daemons' options: the shell's script runs the program
 * with a hidden first argument and the words so far, and gets one candidate a line (":files" and
 * ":dirs": the shell completes names of files).
 *
 * The tables of the programs describe each word ("DEVICE", "KEY"), `kinds` has the function that
 * finds its candidates; the program asks the daemon for those that it does not know. A failure
 * offers nothing: an error message would appear in the middle of the command line.
 */
#include "cli/complete.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "conf/prefs.h"
#include "conf/settings.h"
#include "ctl/client.h"

#define ASK_MS 1500U /* a person waits for the completion */
#define TOKEN_BYTES 64

struct completion {
	struct pz_cli *cli;
	const char *word;         /* the word that is completed */
	char option[TOKEN_BYTES]; /* "--name=" before it, or "" */
};

/* ---- candidates ---- */

/* A device chooses its name, which must not contain anything special to a shell. */
static bool
is_plain(const char *text)
{
	for (const char *p = text; *p; p++)
		if (!isalnum((unsigned char)*p) && strchr("._-@:/*+~", *p) == NULL)
			return false;
	return text[0] != '\0';
}

static void
offer(const struct completion *c, const char *text)
{
	if (text && is_plain(text) && strncmp(text, c->word, strlen(c->word)) == 0)
		fprintf(c->cli->out, "%s%s\n", c->option, text);
}

/* The daemon's answer, or NULL. */
static json_t *
ask(const struct completion *c, const char *method, json_t *params)
{
	struct pz_ctl_error error = {0};
	struct pz_errinfo info;
	json_t *result = NULL;

	if (pz_cli_connect(c->cli, &info) != PZ_OK) {
		json_decref(params);
		return NULL;
	}
	if (pz_ctl_request(c->cli->client, method, params, ASK_MS, NULL, NULL, &result, &error,
			   &info) != PZ_OK) {
		pz_ctl_client_free(c->cli->client);
		c->cli->client = NULL;
	}
	return result;
}

/* Offers a member of each object in the array that the daemon returns. */
static void
offer_members(const struct completion *c, const char *method, json_t *params, const char *member)
{
	json_t *result = ask(c, method, params), *one;
	char plural[TOKEN_BYTES];
	const json_t *list = result;
	size_t i;

	snprintf(plural, sizeof(plural), "%ss", member);
	if (json_is_object(result)) /* {"keys":[{"key":…}]} */
		list = json_object_get(result, plural);
	json_array_foreach ((json_t *)list, i, one)
		offer(c, json_string_value(json_object_get(one, member)));
	json_decref(result);
}

/* ---- kinds of words, by what the tables call them ---- */

/* The zone that was given before the word, if any. */
static json_t *
zone_params(const struct completion *c)
{
	json_t *params = json_object();

	pz_cli_opt_param(c->cli, params, "zone");
	return params;
}

/* A device of a friend has its full address: the name alone means one of this zone. */
static void
offer_peers(const struct completion *c)
{
	json_t *list = ask(c, "peers", NULL), *one;
	size_t i;

	json_array_foreach (list, i, one) {
		const char *id = json_string_value(json_object_get(one, "id"));
		const char *slash = id ? strchr(id, '/') : NULL;
		bool is_friend = json_is_true(json_object_get(one, "friend"));

		offer(c, slash && !is_friend ? slash + 1 : id);
	}
	json_decref(list);
}

static void
offer_devices(const struct completion *c)
{
	if (c->cli->program->settings == PZ_PROGRAM_PZPD)
		offer_peers(c);
	else
		offer_members(c, "devices", zone_params(c), "name");
}

static void
offer_zones(const struct completion *c)
{
	json_t *status;

	if (c->cli->program->settings == PZ_PROGRAM_PZHD) {
		offer_members(c, "zones", NULL, "zone");
		return;
	}
	status = ask(c, "status", NULL);
	offer(c, json_string_value(json_object_get(status, "zone")));
	json_decref(status);
}

/* The same texts as in the first column of `pzp services`. */
static void
offer_services(const struct completion *c)
{
	json_t *list = ask(c, "services", NULL), *one;
	size_t i;

	json_array_foreach (list, i, one) {
		const char *api = json_string_value(json_object_get(one, "api"));
		const char *at = json_string_value(json_object_get(one, "serviceAddress"));
		const char *last = api ? strrchr(api, '/') : NULL,
			   *slash = at ? strchr(at, '/') : NULL;
		char text[256];

		if (api == NULL || at == NULL)
			continue;
		snprintf(text, sizeof(text), "%s@%s", last ? last + 1 : api,
			 slash ? slash + 1 : at);
		offer(c, text);
	}
	json_decref(list);
}

static void
offer_functions(const struct completion *c)
{
	const char *service = pz_cli_arg(c->cli, 0);
	json_t *outcome = ask(c, "describe", json_pack("{s:s}", "service", service ? service : ""));
	const json_t *methods = json_object_get(json_object_get(outcome, "service"), "methods");
	json_t *one;
	size_t i;

	json_array_foreach ((json_t *)methods, i, one)
		offer(c, json_string_value(json_object_get(one, "name")));
	json_decref(outcome);
}

static void
offer_prefs(const struct completion *c)
{
	for (int i = 0; i < PZ_PREF_COUNT; i++)
		offer(c, pz_pref_table[i].key);
}

static void
offer_pref_values(const struct completion *c)
{
	const char *key = pz_cli_arg(c->cli, 0);
	enum pz_pref pref;

	if (key == NULL || pz_pref_find(key, &pref, NULL) != PZ_OK)
		return;
	if (pz_pref_table[pref].type == PZ_PREF_TYPE_BOOL) {
		offer(c, "true");
		offer(c, "false");
	}
	for (const char *const *one = pz_pref_table[pref].choices; one && *one; one++)
		offer(c, *one);
}

static void
offer_fields(const struct completion *c)
{
	static const char *const fields[] = {"fullName", "nickname", "email", "phone", "language"};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		offer(c, fields[i]);
}

/* ORIGIN, or KEY of the origin before it. */
static void
offer_data(const struct completion *c, bool is_key)
{
	const char *origin = pz_cli_arg(c->cli, 1);

	if (is_key)
		offer_members(c, "data-list", json_pack("{s:s}", "origin", origin ? origin : ""),
			      "key");
	else
		offer_members(c, "data-list", NULL, "origin");
}

/* "list|get|set" */
static void
offer_alternatives(const struct completion *c, const char *token)
{
	char copy[TOKEN_BYTES], *save = NULL;

	snprintf(copy, sizeof(copy), "%s", token);
	for (char *one = strtok_r(copy, "|", &save); one; one = strtok_r(NULL, "|", &save))
		offer(c, one);
}

static void
offer_keys(const struct completion *c)
{
	if (strcmp(c->cli->args.command->name, "prefs") == 0)
		offer_prefs(c);
	else
		offer_data(c, true);
}

static void
offer_origins(const struct completion *c)
{
	if (strcmp(c->cli->args.command->name, "apps") == 0)
		offer_members(c, "apps", NULL, "origin");
	else
		offer_data(c, false);
}

/* Offers programs that have a token: their origins are "program:NAME". */
static void
offer_programs(const struct completion *c)
{
	const char *verb = pz_cli_arg(c->cli, 0);
	json_t *list, *one;
	size_t i;

	if (strcmp(c->cli->args.command->name, "app") != 0 || verb == NULL ||
	    strcmp(verb, "revoke") != 0)
		return;
	list = ask(c, "apps", NULL);
	json_array_foreach (list, i, one) {
		const char *origin = json_string_value(json_object_get(one, "origin"));
		if (json_is_number(json_object_get(one, "token")) && strchr(origin, ':'))
			offer(c, strchr(origin, ':') + 1);
	}
	json_decref(list);
}

static void
offer_values(const struct completion *c)
{
	if (strcmp(c->cli->args.command->name, "prefs") == 0)
		offer_pref_values(c);
}

static void
ask_for_directories(const struct completion *c)
{
	fputs(":dirs\n", c->cli->out);
}

static void
ask_for_files(const struct completion *c)
{
	fputs(":files\n", c->cli->out);
}

/* The words in the tables, and the functions that offer candidates for them. */
static const struct {
	const char *what;
	void (*offer)(const struct completion *c);
} kinds[] = {
	{"DEVICE", offer_devices},   {"PEER", offer_devices},       {"ZONE", offer_zones},
	{"SERVICE", offer_services}, {"FUNCTION", offer_functions}, {"FIELD", offer_fields},
	{"ORIGIN", offer_origins},   {"KEY", offer_keys},           {"VALUE", offer_values},
	{"NAME", offer_programs},    {"DIR", ask_for_directories},  {"FILE", ask_for_files},
	{"PATH", ask_for_files},     {"F", ask_for_files},
};

static void
offer_word(const struct completion *c, const char *what)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(what, kinds[i].what) == 0) {
			kinds[i].offer(c);
			return;
		}
	if (islower((unsigned char)what[0]))
		offer_alternatives(c, what);
}

/* ---- the position of the word ---- */

/* The next word in the table's description of the arguments; NULL: the end. */
static const char *
next_token(const char **at, size_t *out_len)
{
	const char *token = *at + strspn(*at, " []");

	*out_len = strcspn(token, " []");
	*at = token + *out_len;
	return *out_len > 0 ? token : NULL;
}

/* The `number`-th argument, e.g. "DEVICE", "list|remove" (also written "list | remove"). */
static bool
argument_name(const struct pz_cli_command *command, unsigned number, char out[TOKEN_BYTES])
{
	const char *at = command->arguments, *token;
	size_t len = 0, n = 0;
	unsigned ended = 0;
	bool joins = true;

	out[0] = '\0';
	while ((token = next_token(&at, &len)) != NULL) {
		bool is_bar = len == 1 && token[0] == '|';

		if (!is_bar && !joins)
			ended++;
		joins = is_bar;
		if (ended > number)
			break;
		if (ended == number && n + len < TOKEN_BYTES) {
			memcpy(out + n, token, len);
			n += len;
			out[n] = '\0';
		}
	}
	return n > 0;
}

/* The option with that name, global or of the command; NULL: unknown. */
static const struct pz_cli_option *
option_called(const struct pz_cli *cli, const char *name, size_t len)
{
	const struct pz_cli_option *tables[] = {
		pz_cli_global_options, cli->args.command ? cli->args.command->options : NULL};

	for (size_t i = 0; i < 2; i++)
		for (const struct pz_cli_option *o = tables[i]; o && o->name; o++)
			if (strlen(o->name) == len && memcmp(o->name, name, len) == 0)
				return o;
	return NULL;
}

static void
offer_option_value(const struct completion *c, const struct pz_cli_option *o)
{
	if (strcmp(o->name, "device") == 0)
		offer_devices(c);
	else if (strcmp(o->name, "api") == 0)
		offer_members(c, "services", NULL, "api");
	else if (o->value && strcmp(o->value, "ZONE") == 0)
		offer_zones(c);
	else if (o->value)
		offer_word(c, o->value);
}

static void
offer_options(const struct completion *c)
{
	const struct pz_cli *cli = c->cli;
	const struct pz_cli_option *tables[] = {
		cli->args.command ? cli->args.command->options : NULL, pz_cli_global_options};

	for (size_t i = 0; i < 2; i++)
		for (const struct pz_cli_option *o = tables[i]; o && o->name; o++) {
			char text[TOKEN_BYTES];

			snprintf(text, sizeof(text), "--%s", o->name);
			offer(c, text);
		}
}

static void
offer_commands(const struct completion *c)
{
	for (const struct pz_cli_command *one = c->cli->program->commands; one->name; one++)
		offer(c, one->name);
}

static void
complete(struct completion *c, const char *before)
{
	const struct pz_cli_args *args = &c->cli->args;
	const char *equals = strncmp(c->word, "--", 2) == 0 ? strchr(c->word, '=') : NULL;
	const struct pz_cli_option *o = NULL;
	char name[TOKEN_BYTES];

	if (equals) {
		o = option_called(c->cli, c->word + 2, (size_t)(equals - c->word) - 2);
		snprintf(c->option, sizeof(c->option), "%.*s=", (int)(equals - c->word), c->word);
		c->word = equals + 1;
	} else if (strncmp(before, "--", 2) == 0) {
		o = option_called(c->cli, before + 2, strlen(before + 2));
		o = o && o->value ? o : NULL;
	}
	if (o || equals) {
		if (o)
			offer_option_value(c, o);
	} else if (c->word[0] == '-') {
		offer_options(c);
	} else if (args->command == NULL) {
		offer_commands(c);
	} else if (argument_name(args->command, args->count, name)) {
		offer_word(c, name);
	}
}

void
pz_cli_complete(struct pz_cli *cli, int argc, char **argv)
{
	struct completion c = {.cli = cli, .word = argc > 0 ? argv[argc - 1] : ""};
	const char *before = argc > 1 ? argv[argc - 2] : "";
	bool is_value = strncmp(before, "--", 2) == 0 && strchr(before, '=') == NULL;

	cli->stop_fd = -1;
	/* The words before the last: an option whose value is being completed is not complete
	 * yet. */
	(void)!pz_cli_args_parse(cli->program, argc > 0 ? argc - 1 : 0, argv, &cli->args, NULL);
	if (is_value && option_called(cli, before + 2, strlen(before + 2)) == NULL)
		before = "";
	complete(&c, before);
	pz_ctl_client_free(cli->client);
	cli->client = NULL;
}

/* ---- the daemon ---- */

struct daemon_word {
	struct completion c;
	const char *option; /* whose value is completed, without the dashes; NULL: an option is
			       completed */
	size_t option_len;
	bool is_value; /* the option was found, and takes a value */
};

static void
offer_setting(void *arg, const struct pz_settings_option *o)
{
	struct daemon_word *w = arg;
	char text[TOKEN_BYTES + 2];

	if (w->option == NULL) {
		snprintf(text, sizeof(text), "--%s", o->name);
		offer(&w->c, text);
		return;
	}
	if (strlen(o->name) != w->option_len || memcmp(o->name, w->option, w->option_len) != 0 ||
	    o->value == NULL)
		return;
	w->is_value = true;
	if (o->is_path)
		fputs(":files\n", w->c.cli->out);
	for (const char *const *one = o->choices; one && *one; one++)
		offer(&w->c, *one);
}

void
pz_cli_complete_daemon(struct pz_cli *cli, int argc, char **argv)
{
	struct daemon_word w = {.c = {.cli = cli, .word = argc > 0 ? argv[argc - 1] : ""}};
	const char *before = argc > 1 ? argv[argc - 2] : "", *word = w.c.word;
	const char *equals = strncmp(word, "--", 2) == 0 ? strchr(word, '=') : NULL;

	if (equals) {
		w.option = word + 2;
		w.option_len = (size_t)(equals - w.option);
		snprintf(w.c.option, sizeof(w.c.option), "%.*s=", (int)(equals - word), word);
		w.c.word = equals + 1;
	} else if (strncmp(before, "--", 2) == 0 && strchr(before, '=') == NULL) {
		w.option = before + 2;
		w.option_len = strlen(w.option);
	}
	pz_settings_each(cli->program->settings, offer_setting, &w);
	if (!w.is_value && !equals && w.option) { /* a flag precedes the word */
		w.option = NULL;
		pz_settings_each(cli->program->settings, offer_setting, &w);
	}
	if (w.option == NULL) {
		offer(&w.c, "--help");
		offer(&w.c, "--version");
	}
}
