/* pzp ping: how fast a device answers, and on which route. */
#include <stdlib.h>
#include <string.h>

#include "cli/run.h"
#include "cli/text.h"
#include "cli_pzp/commands.h"

#define TIMES_MAX 100000 /* kept for the percentiles; later ones are only counted */

struct pinging {
	const struct pz_cli *cli;
	const char *device;
	double *times; /* milliseconds */
	size_t count;
	json_int_t sent, received;
	bool is_direct; /* the last answer came on a direct link */
};

/* "tv: seq 3, 1.2 ms, direct 192.0.2.7" */
static void
print_line(const struct pinging *p, const json_t *event)
{
	char scratch[3][32];
	const char *via = pz_cli_member(event, "via", scratch[0]);
	const char *address = pz_cli_member(event, "address", scratch[1]);
	char *error = pz_cli_clean(pz_cli_member(event, "error", scratch[2]), false);
	const json_t *ms = json_object_get(event, "ms");
	json_int_t seq = json_integer_value(json_object_get(event, "seq"));
	const char *route = json_string_value(json_object_get(event, "route"));

	if (json_is_number(ms))
		fprintf(p->cli->out, "%s: seq %lld, %.1f ms, %s%s%s%s%s\n", p->device,
			(long long)seq, json_number_value(ms), route ? route : "",
			via[0] ? " via " : "", via, address[0] ? " " : "", address);
	else
		fprintf(p->cli->out, "%s: seq %lld, %s\n", p->device, (long long)seq,
			error && error[0] ? error : "no answer");
	fflush(p->cli->out); /* a person waits for the line, even if the output is a pipe */
	free(error);
}

/* @return false: the output is closed, so there is no reason to continue */
static bool
on_event(void *arg, json_t *event)
{
	struct pinging *p = arg;
	const json_t *ms = json_object_get(event, "ms");
	const char *route = json_string_value(json_object_get(event, "route"));

	p->sent = json_integer_value(json_object_get(event, "seq"));
	p->is_direct = json_is_number(ms) && route && strcmp(route, "direct") == 0;
	p->received += json_is_number(ms);
	if (json_is_number(ms) && p->count < TIMES_MAX)
		p->times[p->count++] = json_number_value(ms);
	if (p->cli->json)
		return pz_cli_print_json(p->cli, event) == PZ_EXIT_DONE && !ferror(p->cli->out);
	print_line(p, event);
	return !ferror(p->cli->out);
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The smallest time that this share of the answers did not exceed. New; null: there was no
 * answer. */
static json_t *
percentile(const struct pinging *p, size_t percent)
{
	size_t rank = (p->count * percent + 99) / 100;

	return p->count ? json_real(p->times[rank ? rank - 1 : 0]) : json_null();
}

static int
print_summary(struct pinging *p)
{
	qsort(p->times, p->count, sizeof(*p->times), compare);
	json_t *p50 = percentile(p, 50), *p99 = percentile(p, 99);
	double loss = p->sent ? 100.0 * (double)(p->sent - p->received) / (double)p->sent : 0;
	int status = PZ_EXIT_DONE;

	if (p->cli->json) {
		json_t *all = json_pack("{s:I, s:I, s:f, s:O, s:O}", "sent", p->sent, "received",
					p->received, "loss", loss, "p50", p50, "p99", p99);
		status = pz_cli_print_json(p->cli, all);
		json_decref(all);
	} else {
		fprintf(p->cli->out, "%lld sent, %lld received, %.3g%% lost", (long long)p->sent,
			(long long)p->received, loss);
		if (p->count)
			fprintf(p->cli->out, ", median %.1f ms, p99 %.1f ms",
				json_number_value(p50), json_number_value(p99));
		fputc('\n', p->cli->out);
	}
	json_decref(p50);
	json_decref(p99);
	return status;
}

/* With --json the summary is the last document, and contains everything. */
static int
verdict(const struct pinging *p, int status)
{
	bool is_missed = pz_cli_opt(p->cli, "until-direct") && !p->is_direct;

	if (status != PZ_EXIT_DONE || p->sent == 0)
		return status;
	if (p->cli->json)
		return p->received == 0 || is_missed ? PZ_EXIT_FAILED : PZ_EXIT_DONE;
	if (p->received == 0)
		return pz_cli_fail(p->cli, PZ_EXIT_FAILED, "%s did not answer", p->device);
	if (is_missed)
		return pz_cli_fail(p->cli, PZ_EXIT_FAILED, "no answer came directly from %s",
				   p->device);
	return PZ_EXIT_DONE;
}

static int
ping(struct pinging *p, struct pz_cli *cli, json_int_t count, unsigned interval_ms)
{
	json_t *result = NULL;
	json_t *params = json_pack("{s:s, s:I, s:b}", "device", p->device, "count", count,
				   "until_direct", pz_cli_opt(cli, "until-direct") != NULL);

	if (params && interval_ms > 0)
		(void)json_object_set_new(params, "interval_ms", json_integer(interval_ms));

	if (params == NULL)
		return pz_cli_usage(cli, "an argument is not valid UTF-8");
	int status = pz_cli_catch_interrupts(cli);
	if (status != PZ_EXIT_DONE) {
		json_decref(params);
		return status;
	}
	/* no time limit: without --count it runs until it is interrupted */
	status = pz_cli_request(cli, "ping", params, 0, on_event, p, &result);
	json_decref(result);
	if (status == PZ_EXIT_DONE)
		status = print_summary(p);
	return verdict(p, status);
}

int
pz_pzp_cmd_ping(struct pz_cli *cli)
{
	const char *given = pz_cli_opt(cli, "count"), *interval = pz_cli_opt(cli, "interval");
	struct pinging p = {.cli = cli, .device = pz_cli_arg(cli, 0)};
	char *end = NULL;
	long count = given ? strtol(given, &end, 10) : 0;

	unsigned interval_ms = 0;

	if (interval && (!pz_cli_parse_seconds(interval, &interval_ms) || interval_ms < 10))
		return pz_cli_usage(cli, "--interval must be 0.01 to 3600 seconds");
	if (given && (end == given || *end != '\0' || count < 1 || count > 1000000))
		return pz_cli_usage(cli, "--count must be 1 to 1000000");
	p.times = calloc(TIMES_MAX, sizeof(*p.times));
	if (p.times == NULL)
		return pz_cli_fail(cli, PZ_EXIT_FAILED, "out of memory");
	int status = ping(&p, cli, count, interval_ms);
	free(p.times);
	return status;
}
