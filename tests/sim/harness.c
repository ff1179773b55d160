#include "harness.h"

#include <getopt.h>
#include <signal.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define OPENSSL_SUPPRESS_DEPRECATED /* RAND_METHOD: the one way to make OpenSSL repeat itself */
#include <openssl/rand.h>

#include "base/log.h"
#include "base/map.h"
#include "wire/message.h"
#include "zone.h"

#define LINES_KEPT 80
#define LINE_BYTES 300
/* Of the CPU, for one seed: it computes and never waits, so the clock says how busy the machine is.
 * With a sanitizer most need one or two. */
#define SEED_SECONDS_MAX 120

static struct {
	const char *program, *scenario;
	const char *current;
	struct world *world;
	struct rng library_rng;
	uint64_t trace; /* hash of everything that was logged, with its times */
	char lines[LINES_KEPT][LINE_BYTES];
	size_t line_count;
	bool is_verbose, is_muted;
} harness;

/* ---- randomness of OpenSSL and libsodium ---- */

static int
rand_bytes(unsigned char *out, int len)
{
	rng_fill(&harness.library_rng, out, (size_t)len);
	return 1;
}

static int
rand_status(void)
{
	return 1;
}

static const char *
sodium_name(void)
{
	return "simulation";
}

static uint32_t
sodium_random(void)
{
	return (uint32_t)rng_next(&harness.library_rng);
}

static void
sodium_buf(void *const out, const size_t len)
{
	rng_fill(&harness.library_rng, out, len);
}

static void
take_over_randomness(void)
{
	static const RAND_METHOD method = {
		.bytes = rand_bytes, .pseudorand = rand_bytes, .status = rand_status};
	static randombytes_implementation implementation = {
		.implementation_name = sodium_name, .random = sodium_random, .buf = sodium_buf};

	if (randombytes_set_implementation(&implementation) != 0 || sodium_init() < 0 ||
	    RAND_set_rand_method(&method) != 1) {
		fprintf(stderr, "cannot set the libraries' random sources\n");
		exit(1);
	}
	json_object_seed(1);
	pz_map_free(pz_map_new()); /* takes its hash key now */
}

/* ---- the log ---- */

static void
keep_line(const char *text)
{
	const char *name = harness.current ? harness.current : "-";
	char *line = harness.lines[harness.line_count++ % LINES_KEPT];

	snprintf(line, LINE_BYTES, "%14.6f %-10s %s",
		 harness.world ? (double)harness.world->now_us / (double)SIM_S : 0.0, name, text);
	for (const char *p = line; *p; p++)
		harness.trace = (harness.trace ^ (uint8_t)*p) * UINT64_C(0x100000001b3);
	if (harness.is_verbose)
		fprintf(stderr, "%s\n", line);
}

static void
on_log(void *arg, enum pz_log_level level, const char *id, const char *text)
{
	char line[LINE_BYTES];

	(void)arg;
	if (harness.is_muted)
		return;
	snprintf(line, sizeof(line), "<%d> %s %.240s", (int)level, id, text);
	keep_line(line);
}

void
harness_current(const char *name)
{
	harness.current = name;
}

const char *
harness_who(void)
{
	return harness.current;
}

void
harness_mute(bool on)
{
	harness.is_muted = on;
}

void
sim_note(struct world *world, const char *fmt, ...)
{
	char line[LINE_BYTES];
	va_list args;

	(void)world;
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	keep_line(line);
}

void
sim_fail(struct world *world, const char *fmt, ...)
{
	size_t first = harness.line_count > LINES_KEPT ? harness.line_count - LINES_KEPT : 0;
	va_list args;

	if (!harness.is_verbose)
		for (size_t i = first; i < harness.line_count; i++)
			fprintf(stderr, "%s\n", harness.lines[i % LINES_KEPT]);
	fprintf(stderr, "\nFAILED %s seed %llu at %.6f s: ", harness.scenario,
		(unsigned long long)world->seed, (double)world->now_us / (double)SIM_S);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "\nagain: %s --only %s --seed %llu --count 1 --verbose\n", harness.program,
		harness.scenario, (unsigned long long)world->seed);
	fflush(stderr);
	_exit(1);
}

/* ---- seeds ---- */

static double
cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* It prints, which a handler may not: should that not end, the limit of ctest ends it. */
static void
on_cpu_limit(int signal)
{
	(void)signal;
	if (harness.world == NULL)
		_exit(1);
	sim_fail(harness.world, "no end within %d s of CPU time", SEED_SECONDS_MAX);
}

static void
limit_cpu(void)
{
	rlim_t end = (rlim_t)cpu_seconds() + SEED_SECONDS_MAX;
	struct rlimit limit;

	signal(SIGXCPU, on_cpu_limit);
	getrlimit(RLIMIT_CPU, &limit);
	if (limit.rlim_max != RLIM_INFINITY && end > limit.rlim_max)
		end = limit.rlim_max;
	limit.rlim_cur = end;
	setrlimit(RLIMIT_CPU, &limit);
}

static uint64_t
run_once(const struct scenario *scenario, uint64_t seed)
{
	struct world *world;
	uint64_t events;

	limit_cpu();
	harness.scenario = scenario->name;
	harness.library_rng.state = seed * 1000003 + 3;
	harness.trace = UINT64_C(0xcbf29ce484222325);
	harness.line_count = 0;
	pz_message_seed_ids(seed * 1000000 + 1);
	world = harness.world = world_new(seed);
	scenario->run(world);
	events = world->events;
	world_free(world);
	harness.world = NULL;
	return events;
}

/* Runs a seed twice: it must decide everything, or a failure could not be looked at again. */
static bool
is_repeatable(const struct scenario *scenario, uint64_t seed, uint64_t *out_events)
{
	uint64_t trace;

	run_once(scenario, seed);
	trace = harness.trace;
	*out_events = run_once(scenario, seed);
	if (trace == harness.trace)
		return true;
	fprintf(stderr, "FAILED %s seed %llu: two runs differ\n", scenario->name,
		(unsigned long long)seed);
	return false;
}

/* What the libraries do once per process happens before anything counts. */
static void
warm_up(struct world *world)
{
	zone_add(zone_make(world), "warm-up");
}

struct options {
	uint64_t seed;
	unsigned count; /* 0: each scenario's own */
	const char *only;
};

static bool
run_scenario(const struct scenario *scenario, const struct options *options)
{
	unsigned count = options->count ? options->count : scenario->seeds;
	double begin = cpu_seconds();
	uint64_t events;

	if (!is_repeatable(scenario, options->seed, &events))
		return false;
	for (unsigned i = 1; i < count; i++)
		events += run_once(scenario, options->seed + i);
	printf("ok %-16s seeds %llu-%llu, %llu events, %.1f s of CPU\n", scenario->name,
	       (unsigned long long)options->seed, (unsigned long long)(options->seed + count - 1),
	       (unsigned long long)events, cpu_seconds() - begin);
	fflush(stdout);
	return true;
}

static bool
parse_options(int argc, char **argv, struct options *out)
{
	static const struct option table[] = {
		{"seed", required_argument, NULL, 's'},
		{"count", required_argument, NULL, 'n'},
		{"only", required_argument, NULL, 'o'},
		{"verbose", no_argument, NULL, 'v'},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (c == 's')
			out->seed = strtoull(optarg, NULL, 10);
		else if (c == 'n')
			out->count = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 'o')
			out->only = optarg;
		else if (c == 'v')
			harness.is_verbose = true;
		else
			return false;
	}
	return optind == argc;
}

int
sim_main(int argc, char **argv, const struct scenario *scenarios, size_t count)
{
	struct options options = {.seed = 1};
	size_t ran = 0;

	harness.program = argv[0];
	if (!parse_options(argc, argv, &options)) {
		fprintf(stderr, "usage: %s [--seed N] [--count N] [--only NAME] [--verbose]\n",
			argv[0]);
		return 2;
	}
	take_over_randomness();
	pz_log_set_sink(on_log, NULL);
	pz_log_threshold = PZ_LOG_INFO;
	run_once(&(struct scenario){"warm-up", 1, warm_up}, 0);
	for (size_t i = 0; i < count; i++) {
		if (options.only && strcmp(options.only, scenarios[i].name) != 0)
			continue;
		if (!run_scenario(&scenarios[i], &options))
			return 1;
		ran++;
	}
	if (ran == 0)
		fprintf(stderr, "no such scenario\n");
	return ran ? 0 : 2;
}
