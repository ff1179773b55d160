/*
 * What a person sees of a question: who asks, as this node has verified it, and what for. Names
 * that others have chosen are separate members; a program must show them as plain text.
 * @spec page 9, 11.4; page 14 PRM-4
 */
#include <stdio.h>
#include <string.h>

#include "prompt/internal.h"

#define TEXT_BYTES 1536

/* Common features in words, for "wants to use …". */
static const struct {
	const char *feature, *words;
} known[] = {
	{"http://webinos.org/api/w3c/geolocation", "the location of this device"},
	{"http://webinos.org/api/navigation", "navigation"},
	{"http://webinos.org/api/mediacontent", "pictures, music and films on this device"},
	{"http://webinos.org/api/mediaplay", "playing music and films on this device"},
	{"http://webinos.org/api/w3c/mediastream", "camera and microphone of this device"},
	{"http://webinos.org/api/w3c/file", "files on this device"},
	{"http://webinos.org/api/w3c/file/read", "reading files on this device"},
	{"http://webinos.org/api/w3c/file/write", "changing files on this device"},
	{"http://webinos.org/api/contacts", "contacts"},
	{"http://webinos.org/api/contacts.read", "reading contacts"},
	{"http://webinos.org/api/contacts.write", "changing contacts"},
	{"http://webinos.org/api/applauncher", "starting programs on this device"},
	{"http://webinos.org/api/notifications", "showing notifications on this device"},
	{"http://webinos.org/api/devicestatus", "the state of this device"},
	{"http://webinos.org/api/discovery", "the list of services"},
	{"http://webinos.org/api/app2app", "messages between apps"},
	{"http://webinos.org/api/apps", "your zone: the names of your devices, and their services"},
	{"http://webinos.org/api/payment", "payments"},
	{"http://webinos.org/api/peers", "the connections of this device with other devices"},
	{"http://webinos.org/api/peers/pair", "pairing with a device of another person"},
	{"http://webinos.org/api/test", "the test service"},
	{"http://webinos.org/api/vehicle", "data of the vehicle"},
};

/* A whole name, or the kind of sensor or actuator. */
static const char *
words_of(const char *feature)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i].feature, feature) == 0)
			return known[i].words;
	if (strstr(feature, "/api/sensors"))
		return "a sensor";
	if (strstr(feature, "/api/actuators"))
		return "an actuator";
	return NULL;
}

/* What kind of app an origin is, before and after its name. The device on which the app runs has
 * verified the origin (page 11), so the beginning is enough. */
static const struct {
	const char *origin, *kind, *before, *after;
} kinds[] = {
	{"https://", "https", "the web site ", ""},
	{"http://localhost", "local", "the page ", " of a program"},
	{"http://127.0.0.1", "local", "the page ", " of a program"},
	{"http://[::1]", "local", "the page ", " of a program"},
	{"program:", "program", "the program ", ""},
	{"", "", "the app ", ""},
};

/* There the name of this machine ends, or its port follows. */
static bool
is_of_kind(const char *origin, size_t i)
{
	size_t len = strlen(kinds[i].origin);

	return strncmp(origin, kinds[i].origin, len) == 0 &&
	       (strcmp(kinds[i].kind, "local") != 0 || origin[len] == '\0' || origin[len] == ':');
}

static size_t
kind_of(const char *origin)
{
	size_t i = 0;

	while (!is_of_kind(origin, i)) /* the last row matches any origin */
		i++;
	return i;
}

/* "the web site A on the device D of Z", as far as they are known. People know an app by its
 * origin; its id is for programs. @param origin "": not known */
static void
write_who(const struct pz_prompt_key *key, const char *origin, char *out, size_t size)
{
	const char *id = pz_prompt_key_field(key, PZ_PROMPT_APP), *app = origin[0] ? origin : id;
	const char *device = pz_prompt_key_field(key, PZ_PROMPT_DEVICE);
	const char *zone = pz_prompt_key_field(key, PZ_PROMPT_ZONE);
	size_t kind = kind_of(origin);
	const char *before = kinds[kind].before, *after = kinds[kind].after;

	if (app[0] && device[0])
		snprintf(out, size, "%s%s%s on the device %s of %s", before, app, after, device,
			 zone);
	else if (app[0])
		snprintf(out, size, "%s%s%s of %s", before, app, after, zone);
	else if (device[0])
		snprintf(out, size, "the device %s of %s", device, zone);
	else
		snprintf(out, size, "%s", zone);
}

static json_t *
text_of(const struct pz_question *question, const char *origin)
{
	const char *feature = pz_prompt_key_field(&question->key, PZ_PROMPT_FEATURE);
	const char *words = words_of(feature);
	char who[768], text[TEXT_BYTES];

	write_who(&question->key, origin, who, sizeof(who));
	if (words)
		snprintf(text, sizeof(text), "May %s use %s (%s)?", who, words, feature);
	else
		snprintf(text, sizeof(text), "May %s use %s?", who, feature);
	return json_string(text);
}

/* The answers that the effect offers, the most restrictive first. */
static json_t *
answers_of(enum pz_policy_effect effect)
{
	json_t *list = json_array();

	for (int i = 0; list && i < PZ_PROMPT_ANSWERS; i++) {
		enum pz_prompt_answer answer = (enum pz_prompt_answer)i;

		if (!pz_prompt_offers(effect, answer))
			continue;
		if (json_array_append_new(
			    list, json_pack("{s:i, s:s, s:s, s:s}", "number", i, "answer",
					    pz_prompt_allows(answer) ? "allow" : "deny", "remember",
					    pz_prompt_scope_name(pz_prompt_scope(answer)), "text",
					    pz_prompt_answer_text(answer))) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *
who_of(const struct pz_question *question, const char *display_name, const char *origin)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "zone",
			 pz_prompt_key_field(&question->key, PZ_PROMPT_ZONE), "device",
			 pz_prompt_key_field(&question->key, PZ_PROMPT_DEVICE), "app",
			 pz_prompt_key_field(&question->key, PZ_PROMPT_APP), "displayName",
			 display_name ? display_name : "", "origin", origin, "kind",
			 kinds[kind_of(origin)].kind);
}

static json_t *
what_of(const struct pz_question *question, const char *service, const char *function)
{
	const char *feature = pz_prompt_key_field(&question->key, PZ_PROMPT_FEATURE);
	const char *only = pz_prompt_key_field(&question->key, PZ_PROMPT_SERVICE);
	const char *words = words_of(feature);

	return json_pack("{s:s, s:s, s:s, s:s, s:b}", "feature", feature, "words",
			 words ? words : "", "service", service ? service : "", "function",
			 function ? function : "", "isForService", only[0] != '\0');
}

json_t *
pz_prompt_describe(const struct pz_question *question, const struct pz_prompt_view *view)
{
	const char *origin = view->origin ? view->origin : "";
	double now = (double)pz_env_wall_ms(question->prompts->config.env) / 1000;
	double until = now + (double)view->wait_us / (double)PZ_US_PER_S;

	return json_pack("{s:s, s:s?, s:f, s:f, s:s, s:o, s:o, s:s%, s:o, s:o}", "id", question->id,
			 "device", question->asker[0] ? question->asker : NULL, "since", now,
			 "until", until, "effect", pz_policy_effect_name(question->effect), "who",
			 who_of(question, view->display_name, origin), "what",
			 what_of(question, view->service, view->function), "rule",
			 view->rule.ptr ? (const char *)view->rule.ptr : "", view->rule.len,
			 "answers", answers_of(question->effect), "text",
			 text_of(question, origin));
}
