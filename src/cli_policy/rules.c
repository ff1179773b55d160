/*
 * pzp allow, deny, share, unshare: short commands to change who may do what. They only write rules
 * into the policy of the zone, and `pzp policy show` shows all of them. With --here a share is a
 * grant of this device, which its daemon stores (page 9, 7.1). @spec page 9, 13; page 12 "pzp"
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/auto.h"
#include "base/limits.h"
#include "cli/run.h"
#include "cli/text.h"
#include "cli_policy/commands.h"
#include "cli_policy/insert.h"
#include "policy/attribute.h"
#include "policy/match.h"
#include "shared/app_key.h"

#define SET_TIMEOUT_MS 60000U
#define FOR_S_MAX (10.0 * 365 * 86400) /* a longer time needs no limit */

/* What a rule is made from; the texts of `rule` point into it. */
struct intent {
	struct pz_rule rule;
	json_t *status, *peers, *services;
	const char *only; /* the device whose service it is, or NULL */
	char device[PZ_DEVICE_BYTES_MAX + 1], target[PZ_DEVICE_BYTES_MAX + 1];
	char zone[PZ_ZONE_BYTES_MAX + 1];
	char counter[PZ_POLICY_COUNTER_BYTES_MAX + 1];
	char app_id[PZ_APP_ID_CHARS + 1];
};

static void
intent_fini(struct intent *intent)
{
	json_decref(intent->status);
	json_decref(intent->peers);
	json_decref(intent->services);
}

static const char *
text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* ---- --for ---- */

/* 90s, 30m, 2h, 7d; a number alone is seconds. */
static bool
parse_for(const char *text, uint64_t *out_s)
{
	static const struct {
		const char *unit;
		double seconds;
	} units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {"w", 7 * 86400}};
	char *end = NULL;

	if (text[0] < '0' || text[0] > '9')
		return false;
	double number = strtod(text, &end);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		double seconds = number * units[i].seconds;

		if (strcmp(units[i].unit, end) == 0 && seconds >= 1 && seconds <= FOR_S_MAX) {
			*out_s = (uint64_t)seconds;
			return true;
		}
	}
	return false;
}

/* ---- --calls ---- */

/* Each rule has a counter of its own: a name that was never used starts at 0 on each device. */
static bool
take_calls(struct intent *intent, const char *text)
{
	uint8_t random[8];
	struct pz_rule *rule = &intent->rule;

	if (!pz_policy_number(pz_slice_str(text), &rule->calls) || rule->calls == 0)
		return false;
	randombytes_buf(random, sizeof(random));
	size_t at = (size_t)snprintf(intent->counter, sizeof(intent->counter), PZ_POLICY_COUNTER);
	for (size_t i = 0; i < sizeof(random); i++)
		at += (size_t)snprintf(intent->counter + at, sizeof(intent->counter) - at, "%02x",
				       random[i]);
	rule->counter = intent->counter;
	return true;
}

static int
ask(struct pz_cli *cli, const char *method, json_t *params, json_t **out)
{
	return pz_cli_request(cli, method, params, PZ_CLI_TIMEOUT_MS, NULL, NULL, out);
}

/* ---- names ---- */

/* The device's name in ZONE/DEVICE, or in DEVICE alone. */
static const char *
device_in(const char *address)
{
	const char *slash = strchr(address, '/');

	return slash ? slash + 1 : address;
}

/* True for a device of the zone that is known here, including this one. */
static bool
is_device(const struct intent *intent, const char *name)
{
	const json_t *one;
	size_t i;

	if (strcmp(text_of(intent->status, "device"), name) == 0)
		return true;
	json_array_foreach (intent->peers, i, one)
		if (!json_is_true(json_object_get(one, "friend")) && /* a friend's names differ */
		    strcmp(device_in(text_of(one, "id")), name) == 0)
			return true;
	return false;
}

static int
take_device(const struct pz_cli *cli, const struct intent *intent, const char *name, char *out)
{
	if (strlen(name) > PZ_DEVICE_BYTES_MAX || !is_device(intent, name))
		return pz_cli_fail(cli, PZ_EXIT_FAILED,
				   "%.100s is not a device of the zone; `pzp peers` lists them",
				   name);
	snprintf(out, PZ_DEVICE_BYTES_MAX + 1, "%s", name);
	return PZ_EXIT_DONE;
}

/* The origin of a page, or of a program with a token. */
static bool
is_app(const char *who)
{
	return strstr(who, "://") || strncmp(who, "program:", strlen("program:")) == 0;
}

static int
take_app(const struct pz_cli *cli, struct intent *intent, const char *origin)
{
	struct pz_errinfo info = {""};

	if (pz_app_origin_check(origin, &info) != PZ_OK)
		return pz_cli_usage(cli,
				    "%.100s: %s; `pzp apps` lists the apps that have connected",
				    origin, info.text);
	pz_app_id(pz_slice_str(origin), intent->app_id);
	intent->rule.app = origin;
	intent->rule.app_id = intent->app_id;
	return PZ_EXIT_DONE;
}

/* The only friend whose zone begins so: "bob" for bob@example.org. A device of this zone takes
 * precedence. */
static bool
is_friend_named(struct pz_cli *cli, struct intent *intent, const char *name)
{
	json_t *friends = NULL;
	const json_t *one;
	size_t i, count = 0, len = strlen(name);

	if (is_device(intent, name) || ask(cli, "friends", NULL, &friends) != PZ_EXIT_DONE)
		return false;
	json_array_foreach (friends, i, one) {
		const char *zone = text_of(one, "zone");

		if (strncmp(zone, name, len) != 0 || zone[len] != '@')
			continue;
		snprintf(intent->zone, sizeof(intent->zone), "%s", zone);
		count++;
	}
	json_decref(friends);
	return count == 1;
}

/* WHO: my-devices, an app, a device, another zone or how its name begins, or a device of another
 * zone: ZONE/DEVICE. */
static int
take_who(struct pz_cli *cli, struct intent *intent, const char *who)
{
	struct pz_rule *rule = &intent->rule;
	size_t zone_len = strcspn(who, "/");

	if (strcmp(who, "my-devices") == 0)
		return PZ_EXIT_DONE;
	if (is_app(who))
		return take_app(cli, intent, who);
	if (strchr(who, '@') == NULL && is_friend_named(cli, intent, who)) {
		rule->zone = intent->zone;
		return PZ_EXIT_DONE;
	}
	if (strchr(who, '@') == NULL) {
		rule->device = intent->device;
		return take_device(cli, intent, who, intent->device);
	}
	if (zone_len > PZ_ZONE_BYTES_MAX || strlen(device_in(who)) > PZ_DEVICE_BYTES_MAX)
		return pz_cli_usage(cli, "%.100s: must be my-devices, a device, an app, or a zone",
				    who);
	snprintf(intent->zone, sizeof(intent->zone), "%.*s", (int)zone_len, who);
	if (strcmp(intent->zone, rule->owner) != 0)
		rule->zone = intent->zone;
	if (who[zone_len] == '/') {
		snprintf(intent->device, sizeof(intent->device), "%s", device_in(who));
		rule->device = intent->device;
	}
	return PZ_EXIT_DONE;
}

static bool
is_service(const json_t *descriptor, const char *name)
{
	const char *api = text_of(descriptor, "api"), *slash = strrchr(api, '/');

	return strcmp(text_of(descriptor, "id"), name) == 0 || strcasecmp(api, name) == 0 ||
	       (slash && strcasecmp(slash + 1, name) == 0) ||
	       strcasecmp(text_of(descriptor, "displayName"), name) == 0;
}

/* Policies use one name for each API (page 9, 9.2). */
static const char *
canonical(const char *api)
{
	return strcmp(api, "http://webinos.org/api/file") == 0 ? PZ_RULE_FILE_API : api;
}

/* SERVICE, without its device: an API, or what `pzp services` shows. With a device the rule is for
 * that service, otherwise for all services of the API. */
static int
take_service(const struct pz_cli *cli, struct intent *intent, const char *name)
{
	struct pz_rule *rule = &intent->rule;
	const json_t *one;
	size_t i;

	json_array_foreach (intent->services, i, one) {
		const char *device = device_in(text_of(one, "serviceAddress"));

		if (!is_service(one, name) || (intent->only && strcmp(device, intent->only) != 0))
			continue;
		rule->api = canonical(text_of(one, "api"));
		if (rule->target || strcmp(text_of(one, "id"), name) == 0)
			rule->service_id = text_of(one, "id");
		return PZ_EXIT_DONE;
	}
	if (strcmp(name, "files") == 0) { /* not a service: each device receives files (page 15) */
		rule->api = PZ_RULE_FILE_API;
		rule->function = PZ_RULE_FILE_FUNCTION;
		return PZ_EXIT_DONE;
	}
	if (strstr(name, "://") == NULL)
		return pz_cli_fail(cli, PZ_EXIT_FAILED,
				   "%.100s is not a service%s%s; `pzp services --all` lists them",
				   name, intent->only ? " of " : "",
				   intent->only ? intent->only : "");
	rule->api = canonical(name);
	return PZ_EXIT_DONE;
}

static bool
is_here(const struct pz_cli *cli)
{
	return pz_cli_opt(cli, "here") != NULL;
}

/* A grant is from this device to a friend. */
static int
take_here(const struct pz_cli *cli, struct intent *intent)
{
	const char *self = text_of(intent->status, "device");

	if (intent->rule.zone == NULL)
		return pz_cli_usage(cli,
				    "--here is for friends: --with another zone, or ZONE/DEVICE");
	if (intent->only && strcmp(intent->only, self) != 0)
		return pz_cli_usage(cli, "--here shares what this device has, not %.100s",
				    intent->only);
	intent->only = self;
	return PZ_EXIT_DONE;
}

/* SERVICE[@DEVICE] and [FUNCTION]. */
static int
take_what(struct pz_cli *cli, struct intent *intent, char *service)
{
	char *at = strrchr(service, '@');
	const char *on = pz_cli_opt(cli, "on");
	int status = PZ_EXIT_DONE;

	if (at)
		*at = '\0';
	if (at && on && strcmp(at + 1, on) != 0)
		return pz_cli_usage(cli, "give the device with @ or with --on, not both");
	if (at || on) {
		status = take_device(cli, intent, at ? at + 1 : on, intent->target);
		intent->rule.target = intent->target;
		intent->only = intent->target;
	}
	if (status == PZ_EXIT_DONE && is_here(cli))
		status = take_here(cli, intent);
	if (!intent->rule.is_share)
		intent->rule.function = pz_cli_arg(cli, 2);
	return status == PZ_EXIT_DONE ? take_service(cli, intent, service) : status;
}

/* ---- the change ---- */

/* @param rule NULL: a rule was removed */
static int
print_change(const struct pz_cli *cli, const struct pz_rule *rule, const json_t *result)
{
	char sentence[PZ_POLICY_ATTRIBUTE_BYTES_MAX / 2] = "The share is taken back.";

	if (rule)
		pz_rule_sentence(rule, sentence, sizeof(sentence));
	if (cli->json) {
		json_t *out = json_pack("{s:s, s:O}", "rule", sentence, "sequence",
					json_object_get(result, "sequence"));
		int status = pz_cli_print_json(cli, out);

		json_decref(out);
		return status;
	}
	PZ_AUTO_FREE char *clean = pz_cli_clean(sentence, false);
	fprintf(cli->out, "%s\n", clean ? clean : "");
	return PZ_EXIT_DONE;
}

/* A change is based on the document that was shown. */
static struct pz_slice
document_of(const json_t *shown)
{
	const json_t *text = json_object_get(shown, "document");

	return pz_slice_of(json_string_value(text), json_string_length(text));
}

/* The hub refuses the change if the policy has changed since it was read. */
static int
set(struct pz_cli *cli, const json_t *shown, const char *text, const struct pz_rule *rule)
{
	json_t *result = NULL;
	json_t *params = json_pack("{s:s, s:s, s:O}", "slot", "user", "document", text, "base",
				   json_object_get(shown, "sequence"));
	int status = pz_cli_request(cli, "policy-set", params, SET_TIMEOUT_MS, NULL, NULL, &result);

	if (status == PZ_EXIT_DONE)
		status = print_change(cli, rule, result);
	json_decref(result);
	return status;
}

static int
add(struct pz_cli *cli, const struct pz_rule *rule, const json_t *shown)
{
	struct pz_errinfo info = {""};
	PZ_AUTO_FREE char *text = NULL;

	if (pz_rule_insert(rule, document_of(shown), (uint64_t)time(NULL), &text, &info) != PZ_OK)
		return pz_cli_fail(cli, PZ_EXIT_FAILED, "%s", info.text);
	return set(cli, shown, text, rule);
}

static int
take_back(struct pz_cli *cli, const struct pz_rule *rule, const json_t *shown)
{
	struct pz_errinfo info = {""};
	PZ_AUTO_FREE char *text = NULL;
	unsigned count = 0;

	if (pz_rule_remove_shares(rule, document_of(shown), &text, &count, &info) != PZ_OK)
		return pz_cli_fail(cli, PZ_EXIT_FAILED, "%s", info.text);
	if (count == 0 || text == NULL)
		return pz_cli_fail(cli, PZ_EXIT_FAILED,
				   "there is no such share; `pzp shares` lists all shares, "
				   "and which need --here");
	return set(cli, shown, text, NULL);
}

/* ---- from this device only ---- */

/* A denial in a document of the zone or of this device stays in force. */
static int
check_slot(struct pz_cli *cli, const struct pz_rule *rule, const char *slot)
{
	json_t *shown = NULL;
	int status = ask(cli, "policy-show", json_pack("{s:s}", "slot", slot), &shown);

	if (status == PZ_EXIT_DONE && json_is_string(json_object_get(shown, "document")) &&
	    pz_rule_is_denied(rule, document_of(shown), (uint64_t)time(NULL)))
		status = pz_cli_fail(cli, PZ_EXIT_FAILED,
				     "the %s policy denies it, which a share of this device does "
				     "not change; `pzp rules` lists its rules",
				     slot);
	json_decref(shown);
	return status;
}

static json_t *
grant_params(const struct pz_rule *rule)
{
	return json_pack("{s:s, s:s*, s:s, s:s*, s:s*}", "zone", rule->zone, "device", rule->device,
			 "api", rule->api, "service", rule->service_id, "function", rule->function);
}

static int
print_granted(const struct pz_cli *cli, const json_t *result)
{
	if (cli->json)
		return pz_cli_print_json(cli, result);
	PZ_AUTO_FREE char *clean = pz_cli_clean(text_of(result, "rule"), false);
	fprintf(cli->out, "%s This device only.\n", clean ? clean : "");
	return PZ_EXIT_DONE;
}

static int
grant(struct pz_cli *cli, const struct pz_rule *rule, const json_t *shown)
{
	json_t *result = NULL, *params = grant_params(rule);
	const char *span = pz_cli_opt(cli, "for");
	uint64_t seconds = 0;

	(void)shown;
	if (span && parse_for(span, &seconds))
		(void)json_object_set_new(params, "for_s", json_integer((json_int_t)seconds));
	if (rule->calls)
		(void)json_object_set_new(params, "calls", json_integer((json_int_t)rule->calls));
	int status = check_slot(cli, rule, "user");
	if (status == PZ_EXIT_DONE)
		status = check_slot(cli, rule, "exceptions");
	if (status == PZ_EXIT_DONE)
		status = pz_cli_request(cli, "grant", json_incref(params), PZ_CLI_TIMEOUT_MS, NULL,
					NULL, &result);
	if (status == PZ_EXIT_DONE)
		status = print_granted(cli, result);
	json_decref(params);
	json_decref(result);
	return status;
}

static int
grant_remove(struct pz_cli *cli, const struct pz_rule *rule, const json_t *shown)
{
	json_t *result = NULL;
	int status = ask(cli, "grant-remove", grant_params(rule), &result);

	(void)shown;
	if (status == PZ_EXIT_DONE && cli->json)
		status = pz_cli_print_json(cli, result);
	else if (status == PZ_EXIT_DONE)
		fprintf(cli->out, "The share is taken back.\n");
	json_decref(result);
	return status;
}

/* A share for a friend needs the hub, unless it is for this device only (--here); the error names
 * both ways. */
static int
check_hub(const struct pz_cli *cli, const struct intent *intent)
{
	if (!intent->rule.is_share || intent->rule.zone == NULL || is_here(cli) ||
	    strcmp(text_of(intent->status, "state"), "connected") == 0)
		return PZ_EXIT_DONE;
	return pz_cli_fail(
		cli, PZ_EXIT_FAILED,
		"the hub keeps what the zone shares, and is not connected: connect (`pzp "
		"connect`), or add --here, which is about this device only");
}

/* ---- the whole ---- */

/* Without a hub a search of the whole zone takes a second, during which a share that is withdrawn
 * with --here would still apply. So with --here only this device is asked. */
static int
learn(struct pz_cli *cli, struct intent *intent)
{
	int status = ask(cli, "status", NULL, &intent->status);
	const char *self =
		is_here(cli) ? json_string_value(json_object_get(intent->status, "device")) : NULL;

	if (status == PZ_EXIT_DONE)
		status = ask(cli, "peers", NULL, &intent->peers);
	if (status == PZ_EXIT_DONE)
		status = ask(cli, "services", json_pack("{s:b, s:s*}", "all", 1, "device", self),
			     &intent->services);
	if (status == PZ_EXIT_DONE && !json_is_string(json_object_get(intent->status, "zone")))
		status = pz_cli_fail(cli, PZ_EXIT_FAILED,
				     "this device is not in a zone; enrol it with `pzp enrol`");
	intent->rule.owner = text_of(intent->status, "zone");
	return status;
}

/* What a command is about, and what it does with the rule. */
struct command {
	enum pz_policy_effect effect;
	bool is_share;
	const char *who, *service;
	int (*run)(struct pz_cli *cli, const struct pz_rule *rule, const json_t *shown);
};

static int
run_with(struct pz_cli *cli, const struct command *command, struct intent *intent)
{
	PZ_AUTO_FREE char *service = strdup(command->service);
	json_t *shown = NULL;
	int status = service ? learn(cli, intent) : PZ_EXIT_FAILED;

	if (status == PZ_EXIT_DONE)
		status = take_who(cli, intent, command->who);
	if (status == PZ_EXIT_DONE)
		status = take_what(cli, intent, service);
	if (status == PZ_EXIT_DONE)
		status = check_hub(cli, intent);
	if (status == PZ_EXIT_DONE)
		status = ask(cli, "policy-show", json_pack("{s:s}", "slot", "user"), &shown);
	if (status == PZ_EXIT_DONE && !json_is_string(json_object_get(shown, "document")))
		status = pz_cli_fail(cli, PZ_EXIT_FAILED, "the policy of the zone cannot be read");
	if (status == PZ_EXIT_DONE)
		status = command->run(cli, &intent->rule, shown);
	json_decref(shown);
	return status;
}

static int
run(struct pz_cli *cli, const struct command *command)
{
	struct intent intent = {.rule = {.effect = command->effect, .is_share = command->is_share}};
	const char *span = pz_cli_opt(cli, "for"), *calls = pz_cli_opt(cli, "calls");
	uint64_t seconds = 0;

	if (span && !parse_for(span, &seconds))
		return pz_cli_usage(cli, "--for %s: must be a time such as 90s, 30m, 2h or 7d",
				    span);
	if (span)
		intent.rule.until_s = (uint64_t)time(NULL) + seconds;
	if (calls && !take_calls(&intent, calls))
		return pz_cli_usage(cli, "--calls %s: must be a number from 1 to 9999999999",
				    calls);
	int status = run_with(cli, command, &intent);
	intent_fini(&intent);
	return status;
}

int
pz_pzp_cmd_allow(struct pz_cli *cli)
{
	const struct command command = {.effect = pz_cli_opt(cli, "ask") ? PZ_POLICY_PROMPT_BLANKET
									 : PZ_POLICY_PERMIT,
					.who = pz_cli_arg(cli, 0),
					.service = pz_cli_arg(cli, 1),
					.run = add};

	return run(cli, &command);
}

int
pz_pzp_cmd_deny(struct pz_cli *cli)
{
	const struct command command = {.effect = PZ_POLICY_DENY,
					.who = pz_cli_arg(cli, 0),
					.service = pz_cli_arg(cli, 1),
					.run = add};

	return run(cli, &command);
}

/* ---- shares ---- */

static int
share(struct pz_cli *cli, int (*with)(struct pz_cli *, const struct pz_rule *, const json_t *))
{
	const struct command command = {.effect = PZ_POLICY_PERMIT,
					.is_share = true,
					.who = pz_cli_opt(cli, "with"),
					.service = pz_cli_arg(cli, 0),
					.run = with};

	if (command.who == NULL)
		return pz_cli_usage(cli, "--with WHO names a device or a zone");
	return run(cli, &command);
}

int
pz_pzp_cmd_share(struct pz_cli *cli)
{
	return share(cli, is_here(cli) ? grant : add);
}

int
pz_pzp_cmd_unshare(struct pz_cli *cli)
{
	return share(cli, is_here(cli) ? grant_remove : take_back);
}
