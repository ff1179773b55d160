/* All names are collected from all answers before the first line is written, so that a name is
 * replaced wherever it occurs (scrub.h). */
#include "diagnose/report.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"
#include "wire/json.h"

struct writer {
	const struct pz_report *report;
	struct pz_scrub *scrub;
	FILE *out;
	bool is_short; /* out of memory */
};

/* ---- names ---- */

static void
add(struct writer *w, const char *kind, const char *name)
{
	w->is_short |= pz_scrub_add(w->scrub, kind, name) != PZ_OK;
}

/* The zone, and its two parts: the person and the domain. */
static void
add_zone(struct writer *w, const char *zone)
{
	const char *at = zone ? strchr(zone, '@') : NULL;
	PZ_AUTO_FREE char *user = at ? strndup(zone, (size_t)(at - zone)) : NULL;

	add(w, "zone", zone);
	add(w, "user", user);
	/* A zone has the form of a mail address; its domain also occurs alone. */
	add(w, "host", at ? at + 1 : NULL);
	w->is_short |= at && user == NULL;
}

/* Adds every text in a value. */
static void
add_texts(struct writer *w, const char *kind, const json_t *value)
{
	json_t *one;
	size_t i;

	if (json_is_string(value))
		add(w, kind, json_string_value(value));
	json_array_foreach (value, i, one)
		add_texts(w, kind, one);
}

/* Adds this member of each object in a list. */
static void
add_members(struct writer *w, const char *kind, const json_t *list, const char *member)
{
	json_t *one;
	size_t i;

	json_array_foreach (list, i, one)
		add_texts(w, kind, json_object_get(one, member));
}

static void
add_peers(struct writer *w, const json_t *peers)
{
	json_t *one;
	size_t i;

	json_array_foreach (peers, i, one) {
		const char *id = pz_json_str(one, "id");
		const char *slash = id ? strchr(id, '/') : NULL;
		/* Devices of friends are preceded by their zone. */
		add(w, "device", slash ? slash + 1 : id);
	}
	add_members(w, "name", peers, "displayName");
	add_members(w, "address", peers, "address");
	add_members(w, "address", peers, "addresses");
}

/* Only names: "hub" and "true" are not secret, and would be replaced everywhere. */
static void
add_preferences(struct writer *w, const json_t *prefs)
{
	json_t *one;
	size_t i;

	json_array_foreach (prefs, i, one) {
		const char *key = pz_json_str(one, "key");
		/* Selected by the key: a preference with "name" in it is chosen by a person. */
		if (key && strstr(key, "name"))
			add_texts(w, "name", json_object_get(one, "value"));
	}
}

/* The subject of a condition is a device, a zone or a file. */
static void
add_subjects(struct writer *w, const json_t *conditions)
{
	json_t *one;
	size_t i;

	json_array_foreach (conditions, i, one) {
		const char *subject = pz_json_str(one, "subject");
		/* "hub" is a word of ours, and is clearer than a token. */
		if (subject && strcmp(subject, "hub") != 0)
			add(w, "name", subject);
	}
}

/* Names of the machine and of the user. */
static void
add_machine(struct writer *w)
{
	const struct passwd *user = getpwuid(getuid());
	char host[256] = "";

	(void)gethostname(host, sizeof(host) - 1);
	if (strcmp(host, "localhost") != 0)
		add(w, "host", host);
	/* "root" is not secret, and is part of many other words. */
	if (user && user->pw_uid != 0) {
		add(w, "user", user->pw_name);
		add(w, "path", user->pw_dir);
	}
	add(w, "path", w->report->data_dir);
}

/* Without a daemon, only this finding contains zone and device: "laptop in zone Z". */
static void
add_found(struct writer *w)
{
	static const char in_zone[] = " in zone ";
	json_t *one;
	size_t i;

	json_array_foreach (w->report->findings, i, one) {
		const char *check = pz_json_str(one, "check"), *detail = pz_json_str(one, "detail");
		const char *in = check && detail && strcmp(check, "zone") == 0
					 ? strstr(detail, in_zone)
					 : NULL;
		if (in == NULL)
			continue;
		PZ_AUTO_FREE char *device = strndup(detail, (size_t)(in - detail));
		w->is_short |= device == NULL;
		add(w, "device", device);
		add_zone(w, in + sizeof(in_zone) - 1);
	}
}

static void
add_names(struct writer *w)
{
	const struct pz_report *r = w->report;

	add_machine(w);
	add_found(w);
	add_zone(w, pz_json_str(r->status, "zone"));
	add(w, "device", pz_json_str(r->status, "device"));
	add(w, "host", pz_json_str(json_object_get(r->status, "hub"), "host"));
	add_peers(w, r->peers);
	add_members(w, "name", r->user, "value");
	add_subjects(w, json_object_get(r->status, "conditions"));
	add_preferences(w, r->prefs);
	add_members(w, "app", json_object_get(r->apps, "origins"), "origin");
}

/* ---- sections ---- */

static void
print_clean(struct writer *w, const char *text)
{
	PZ_AUTO_FREE char *clean = pz_scrub_text(w->scrub, text ? text : "");

	w->is_short |= clean == NULL;
	fputs(clean ? clean : "", w->out);
}

static void
print_head(struct writer *w)
{
	struct utsname os;
	char when[32];

	pz_clock_text(w->report->wall_ms, when);
	fprintf(w->out,
		"Personal zone bug report of %s, by version %s.\n"
		"Names, addresses, keys, paths and values are replaced. The same token means the\n"
		"same thing in the whole report. Please read it before you send it.\n",
		when, PZ_VERSION);
	if (uname(&os) == 0)
		fprintf(w->out, "System: %s %s %s\n", os.sysname, os.release, os.machine);
}

static const char *
mark_of(const json_t *finding)
{
	if (json_is_true(json_object_get(finding, "skipped")))
		return "-";
	return json_is_true(json_object_get(finding, "ok")) ? "ok" : "WRONG";
}

static void
print_doctor(struct writer *w)
{
	json_t *one;
	size_t i;

	fputs("\n== doctor ==\n", w->out);
	json_array_foreach (w->report->findings, i, one) {
		const char *check = pz_json_str(one, "check"), *advice = pz_json_str(one, "advice");

		/* The names of checks are ours; the details may contain names of the user. */
		fprintf(w->out, "%-5s  %s: ", mark_of(one), check ? check : "?");
		print_clean(w, pz_json_str(one, "detail"));
		fputs(advice ? "; " : "", w->out);
		print_clean(w, advice);
		fputc('\n', w->out);
	}
}

static void
print_status(struct writer *w)
{
	fputs("\n== status ==\n", w->out);
	if (w->report->status == NULL) {
		fputs("pzpd cannot be reached\n", w->out);
		return;
	}
	json_t *clean = pz_scrub_json(w->scrub, w->report->status);
	PZ_AUTO_FREE char *text =
		clean ? json_dumps(clean, JSON_INDENT(1) | JSON_REAL_PRECISION(6)) : NULL;
	json_decref(clean);
	w->is_short |= text == NULL;
	fprintf(w->out, "%s\n", text ? text : "");
}

static void
print_log(struct writer *w)
{
	json_t *one;
	size_t i;

	fputs("\n== log (UTC) ==\n", w->out);
	if (w->report->log == NULL)
		fputs("pzpd cannot be reached; see `journalctl -u pzpd`\n", w->out);
	json_array_foreach (w->report->log, i, one) {
		const char *level = pz_json_str(one, "level"), *id = pz_json_str(one, "id");
		char when[32];

		pz_clock_text((uint64_t)(json_number_value(json_object_get(one, "time")) * 1000),
			      when);
		fprintf(w->out, "%s %s %s ", when, level ? level : "?", id ? id : "?");
		print_clean(w, pz_json_str(one, "text"));
		fputc('\n', w->out);
	}
}

enum pz_err
pz_report_write(const struct pz_report *report, FILE *out)
{
	struct writer w = {.report = report, .scrub = pz_scrub_new(), .out = out};

	if (w.scrub == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	add_names(&w);
	print_head(&w);
	print_doctor(&w);
	print_status(&w);
	print_log(&w);
	pz_scrub_free(w.scrub);
	/* A report that could not be cleaned completely is not handed out: the caller removes
	 * it. */
	return w.is_short ? PZ_ERR_LIMIT_MEMORY : PZ_OK;
}
