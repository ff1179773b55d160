/*
 * Makes findings from facts and evidence: a pure function, so that each sentence can be tested.
 * Each `bad` has what was observed and what the user can do; pz_judge has the order, from this
 * device outwards.
 */
#include "diagnose/judge.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/netaddr.h"
#include "diagnose/finding.h"
#include "wire/json.h"

#define DAY_MS (UINT64_C(24) * 3600 * 1000)
#define ENDS_SOON_DAYS 60 /* for the device's CA certificate, which nothing renews */
#define CLOCK_ADVICE "set the clock, e.g. by `timedatectl set-ntp true`"

/* A zone may work without its hub: an unwanted link is not a fault. */
#define NOT_NEEDED "not needed: the user wants no link to it now"

static bool
is_text(const char *text)
{
	return text != NULL && text[0] != '\0';
}

/* ---- the zone and the hub ---- */

static void
judge_zone(json_t *list, const struct pz_facts *f)
{
	if (is_text(f->problem))
		pz_finding_bad(list, PZ_CHECK_ZONE,
			       "start pzpd as the owner of the data directory, and see its log",
			       "%s", f->problem);
	else if (f->zone)
		pz_finding_ok(list, PZ_CHECK_ZONE, "%s in zone %s", f->device, f->zone);
	else
		pz_finding_skipped(
			list, PZ_CHECK_ZONE,
			"this device is not in a zone, so what needs one was not checked; "
			"`pzp enrol` joins a zone");
}

static void
judge_hub_name(json_t *list, const struct pz_facts *f, const struct pz_evidence *e)
{
	struct pz_netaddr address;

	if (e->hub == PZ_HUB_NOT_TRIED)
		return;
	if (pz_netaddr_parse(f->hub_host, &address))
		pz_finding_ok(list, PZ_CHECK_HUB_NAME, "%s is an address and needs no look-up",
			      f->hub_host);
	else if (e->hub == PZ_HUB_NO_ADDRESS && f->hub_is_unwanted)
		pz_finding_skipped(list, PZ_CHECK_HUB_NAME, "%s; " NOT_NEEDED, e->hub_problem);
	else if (e->hub == PZ_HUB_NO_ADDRESS)
		pz_finding_bad(list, PZ_CHECK_HUB_NAME,
			       "see whether this machine has a network and a name server; if the "
			       "hub has another name now, `pzp hub HOST`",
			       "%s", e->hub_problem);
	else
		pz_finding_ok(list, PZ_CHECK_HUB_NAME, "%s has an address", f->hub_host);
}

static void
judge_hub_port(json_t *list, const struct pz_facts *f, const struct pz_evidence *e)
{
	if (e->hub == PZ_HUB_CONNECTED)
		pz_finding_ok(list, PZ_CHECK_HUB_PORT, "%s port %u accepts connections",
			      f->hub_host, f->hub_port);
	else if (e->hub == PZ_HUB_FAILED && f->hub_is_unwanted)
		pz_finding_skipped(list, PZ_CHECK_HUB_PORT, "%s; " NOT_NEEDED, e->hub_problem);
	else if (e->hub == PZ_HUB_FAILED)
		pz_finding_bad(list, PZ_CHECK_HUB_PORT,
			       "see whether this machine has a network, whether pzhd runs there, "
			       "and whether a firewall lets the port through",
			       "%s", e->hub_problem);
}

static void
judge_hub_link(json_t *list, const struct pz_facts *f)
{
	if (f->zone == NULL)
		return;
	if (!f->is_daemon)
		pz_finding_skipped(list, PZ_CHECK_HUB_LINK, "pzpd does not run");
	else if (f->hub_is_up)
		pz_finding_ok(list, PZ_CHECK_HUB_LINK, "connected");
	else if (f->hub_is_unwanted)
		pz_finding_ok(list, PZ_CHECK_HUB_LINK, "not connected, as the user wants it: %s",
			      is_text(f->hub_reason) ? f->hub_reason : "see `pzp prefs`");
	else
		pz_finding_bad(list, PZ_CHECK_HUB_LINK,
			       "it is tried again by itself; `pzp connect` tries at once",
			       "not connected: %s",
			       is_text(f->hub_reason) ? f->hub_reason : "the attempt goes on");
}

/* ---- time ---- */

static void
judge_clock(json_t *list, const struct pz_facts *f)
{
	/* Negated as unsigned: the smallest int64_t has no positive counterpart. */
	bool is_behind = f->hub_ahead_ms >= 0; /* this device's clock */
	uint64_t apart = is_behind ? (uint64_t)f->hub_ahead_ms : -(uint64_t)f->hub_ahead_ms;

	if (is_text(f->wrong_time))
		pz_finding_bad(list, PZ_CHECK_CLOCK, CLOCK_ADVICE, "%s", f->wrong_time);
	else if (f->has_hub_clock && apart >= PZ_CLOCKS_APART_MS)
		pz_finding_bad(list, PZ_CHECK_CLOCK,
			       "set the clocks of both, e.g. by `timedatectl set-ntp true`",
			       "the clock of this device is %llu s %s the hub's",
			       (unsigned long long)(apart / 1000),
			       is_behind ? "behind" : "ahead of");
	else if (f->has_hub_clock)
		pz_finding_ok(list, PZ_CHECK_CLOCK, "%llu.%03llu s %s the hub's",
			      (unsigned long long)(apart / 1000),
			      (unsigned long long)(apart % 1000),
			      is_behind ? "behind" : "ahead of");
	else
		pz_finding_skipped(list, PZ_CHECK_CLOCK,
				   "not compared with the hub's, which needs a link to it");
}

/* @return days from now; negative: days ago */
static long long
days_to(const struct pz_facts *f, uint64_t when_ms)
{
	return when_ms >= f->wall_ms ? (long long)((when_ms - f->wall_ms) / DAY_MS)
				     : -(long long)((f->wall_ms - when_ms) / DAY_MS);
}

/* @param soon_days from so many days before the end on the finding is bad */
static void
judge_life(json_t *list, const struct pz_facts *f, enum pz_check check,
	   const struct pz_facts_life *life, long long soon_days, const char *advice)
{
	long long left = days_to(f, life->to_ms);
	char begin[32], end[32];

	/* 0: no such certificate is known, so there is nothing to report. */
	if (life->to_ms == 0)
		return;
	pz_clock_text(life->from_ms, begin);
	pz_clock_text(life->to_ms, end);
	if (f->wall_ms < life->from_ms)
		pz_finding_bad(list, check, CLOCK_ADVICE, "begins %s, which is still to come",
			       begin);
	else if (f->wall_ms > life->to_ms)
		pz_finding_bad(list, check, advice, "ended %s, %lld days ago", end, -left);
	else if (left < soon_days)
		pz_finding_bad(list, check, advice, "ends %s, in %lld days", end, left);
	else
		pz_finding_ok(list, check, "until %s, %lld days", end, left);
}

static void
judge_dates(json_t *list, const struct pz_facts *f)
{
	judge_life(list, f, PZ_CHECK_CERTIFICATE, &f->tls, 0,
		   "pzpd renews it by itself: see its log and the free disk space");
	judge_life(list, f, PZ_CHECK_AUTHORITY, &f->device_ca, ENDS_SOON_DAYS,
		   "nothing renews it: `pzp leave`, then enrol again, before it ends");
	judge_life(list, f, PZ_CHECK_REVOCATION_LIST, &f->crl, 0,
		   "connect to the hub: devices that were revoked since are not known here");
}

/* ---- the network ---- */

static void
judge_sent(json_t *list, const struct pz_multicast_report *m)
{
	if (m->interfaces == 0)
		pz_finding_bad(list, PZ_CHECK_MULTICAST_SENT,
			       "connect this machine to a local network; devices that the hub "
			       "knows are reached all the same",
			       "no interface of this machine is up and can do multicast");
	else if (m->sent < m->interfaces)
		pz_finding_bad(list, PZ_CHECK_MULTICAST_SENT,
			       "see routes and firewall of this machine: UDP to 224.0.0.251 and "
			       "ff02::fb, port 5353",
			       "a query left by %u of %u interfaces: %s", m->sent, m->interfaces,
			       m->problem);
	else
		pz_finding_ok(list, PZ_CHECK_MULTICAST_SENT, "a query left by %u interface%s",
			      m->sent, m->sent == 1 ? "" : "s");
}

static void
judge_received(json_t *list, const struct pz_multicast_report *m)
{
	if (m->sent == 0)
		pz_finding_skipped(list, PZ_CHECK_MULTICAST_RECEIVED, "no query was sent");
	/* A firewall that drops incoming packets also drops our own query; if that came back, the
	 * silence of others proves nothing. */
	else if (!m->has_received_self && m->received_other == 0)
		pz_finding_bad(list, PZ_CHECK_MULTICAST_RECEIVED,
			       "let the firewall of this machine accept UDP to port 5353",
			       "no multicast DNS was received, not even the own query%s%s",
			       m->problem[0] ? ": " : "", m->problem);
	else if (m->received_other == 0)
		pz_finding_ok(list, PZ_CHECK_MULTICAST_RECEIVED,
			      "the own query came back; no other machine has answered");
	else
		pz_finding_ok(list, PZ_CHECK_MULTICAST_RECEIVED, "%u packets of other machines",
			      m->received_other);
}

static void
judge_multicast(json_t *list, const struct pz_facts *f, const struct pz_evidence *e)
{
	if (f->is_loopback) {
		pz_finding_skipped(list, PZ_CHECK_MULTICAST_SENT,
				   "pzpd listens on loopback only and uses no local network");
	} else if (e->has_multicast) {
		judge_sent(list, &e->multicast);
		judge_received(list, &e->multicast);
	}
}

struct tries_text {
	char text[768];
	bool is_reached, is_tried;
};

/* "tv reaches 10.0.0.2; tv does not reach 172.17.0.1: refused". */
static void
describe_tries(const json_t *tries, struct tries_text *out)
{
	size_t at = 0;

	*out = (struct tries_text){.text = ""};
	for (size_t i = 0; i < json_array_size(tries) && at + 1 < sizeof(out->text); i++) {
		const json_t *one = json_array_get(tries, i);
		const char *by = pz_json_str(one, "by"), *address = pz_json_str(one, "address");
		const char *error = pz_json_str(one, "error");
		bool is_ok = json_is_true(json_object_get(one, "ok"));

		out->is_reached |= is_ok;
		out->is_tried |= address != NULL;
		at += (size_t)snprintf(out->text + at, sizeof(out->text) - at, "%s%s%s%s%s%s",
				       at ? "; " : "", by ? by : "?",
				       !address ? ""
				       : is_ok  ? " reaches "
						: " does not reach ",
				       address ? address : "", is_ok ? "" : ": ",
				       is_ok ? "" : (error ? error : "no answer"));
	}
}

static void
judge_tries(json_t *list, const struct pz_facts *f, json_t *tries)
{
	struct tries_text said;

	describe_tries(tries, &said);
	if (said.is_reached)
		pz_finding_ok(list, PZ_CHECK_REACHABLE, "port %u: %s", f->tls_port, said.text);
	else if (!said.is_tried)
		pz_finding_skipped(list, PZ_CHECK_REACHABLE, "port %u was not tried: %s",
				   f->tls_port, said.text);
	else
		pz_finding_bad(list, PZ_CHECK_REACHABLE,
			       "let the firewall of this machine accept TCP to the port; calls go "
			       "by the hub meanwhile",
			       "port %u: %s", f->tls_port, said.text);
	/* The single attempts are added for programs that need more than a sentence. */
	(void)json_object_set(json_array_get(list, json_array_size(list) - 1), "tries", tries);
}

static void
judge_reachable(json_t *list, const struct pz_facts *f, const struct pz_evidence *e)
{
	if (!f->is_daemon || f->zone == NULL)
		return;
	if (f->listen == PZ_FACTS_LISTEN_OFF)
		pz_finding_ok(list, PZ_CHECK_REACHABLE,
			      "this device accepts no direct links: the preference peer.listen is "
			      "false");
	else if (f->listen == PZ_FACTS_LISTEN_FAILED)
		pz_finding_bad(list, PZ_CHECK_REACHABLE,
			       "end the other program, or give pzpd another port (--tls-port)",
			       "the port for direct links is not open");
	else if (e->tries == NULL)
		pz_finding_skipped(list, PZ_CHECK_REACHABLE,
				   "port %u was not tried: no device has a direct link to this one "
				   "(`pzp connect DEVICE` makes one)",
				   f->tls_port);
	else
		judge_tries(list, f, e->tries);
}

/* ---- the machine ---- */

static void
judge_disk(json_t *list, const struct pz_facts *f, const struct pz_evidence *e)
{
	unsigned long long kib = e->disk.free_bytes / 1024;

	if (!e->has_disk)
		return;
	if (e->disk.err == PZ_ERR_IO_FULL)
		pz_finding_bad(list, PZ_CHECK_DISK,
			       "make room on the disk, or raise the user's quota", "%s is full: %s",
			       f->data_dir, e->disk.problem);
	else if (e->disk.err != PZ_OK)
		pz_finding_bad(list, PZ_CHECK_DISK,
			       "see owner and mode of the directory, and how it is mounted",
			       "%s cannot be written: %s", f->data_dir, e->disk.problem);
	else if (e->disk.free_bytes < PZ_DISK_LOW_BYTES)
		pz_finding_bad(list, PZ_CHECK_DISK, "make room on the disk",
			       "only %llu KiB are free below %s", kib, f->data_dir);
	else
		pz_finding_ok(list, PZ_CHECK_DISK, "%s can be written, %llu MiB are free",
			      f->data_dir, kib / 1024);
}

static void
judge_version(json_t *list, const struct pz_facts *f)
{
	if (is_text(f->hub_version))
		pz_finding_ok(list, PZ_CHECK_VERSION, "%s here, %s at the hub", PZ_VERSION,
			      f->hub_version);
	else
		pz_finding_ok(list, PZ_CHECK_VERSION, "%s here%s", PZ_VERSION,
			      f->zone ? "; that of the hub is known after a link" : "");
}

static bool
is_bad(const json_t *list, enum pz_check check)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);
		if (strcmp(pz_json_str(one, "check"), pz_check_name(check)) == 0 &&
		    json_is_false(json_object_get(one, "ok")))
			return true;
	}
	return false;
}

/* A condition that a check has reported is not reported again. */
static bool
is_covered(const json_t *list, const char *condition)
{
	static const struct {
		const char *condition;
		enum pz_check check;
	} pairs[] = {
		{"clock-wrong", PZ_CHECK_CLOCK},
		{"clocks-apart", PZ_CHECK_CLOCK},
		{"crl-overdue", PZ_CHECK_REVOCATION_LIST},
		{"device-certificate-ends", PZ_CHECK_AUTHORITY},
		{"no-direct-links", PZ_CHECK_REACHABLE},
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (strcmp(condition, pairs[i].condition) == 0)
			return is_bad(list, pairs[i].check);
	return false;
}

static void
judge_conditions(json_t *list, const struct pz_facts *f)
{
	for (size_t i = 0; i < json_array_size(f->conditions); i++) {
		const json_t *one = json_array_get(f->conditions, i);
		const char *id = pz_json_str(one, "id"), *text = pz_json_str(one, "text");

		if (id && text && !is_covered(list, id))
			pz_finding_bad(list, PZ_CHECK_WARNING, pz_json_str(one, "advice"), "%s",
				       text);
	}
}

json_t *
pz_judge(const struct pz_facts *facts, const struct pz_evidence *evidence)
{
	json_t *list = json_array();

	if (list == NULL)
		return NULL;
	judge_version(list, facts);
	judge_zone(list, facts);
	judge_hub_name(list, facts, evidence);
	judge_hub_port(list, facts, evidence);
	judge_hub_link(list, facts);
	judge_clock(list, facts);
	judge_dates(list, facts);
	judge_multicast(list, facts, evidence);
	judge_reachable(list, facts, evidence);
	judge_disk(list, facts, evidence);
	/* Last, because it skips what a check above has reported. */
	judge_conditions(list, facts);
	return list;
}
