/* bench_load MODE [options]: prepare, calls, idle, handshakes, start. bench/README.md explains
 * them. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/bench.h"
#include "load/load.h"

#define NUMBER_MAX 1000000000UL

static const struct {
	const char *name;
	int (*run)(const struct load_options *options);
} modes[] = {
	{"prepare", load_prepare},       {"calls", load_calls}, {"idle", load_idle},
	{"handshakes", load_handshakes}, {"start", load_start}, {"direct", load_direct},
	{"links", load_links},
};

enum option_id {
	OPT_DIR = 1,
	OPT_TO,
	OPT_PORT,
	OPT_BROKER,
	OPT_ZONES,
	OPT_DEVICES,
	OPT_PAIRS,
	OPT_OUTSTANDING,
	OPT_COUNT,
	OPT_WARM,
	OPT_REQUEST,
	OPT_REPLY,
	OPT_PROCS,
	OPT_SETTLE,
	OPT_COALESCE,
	OPT_FLAT,
	OPT_PROPS,
};

static const struct option option_table[] = {
	{"dir", required_argument, NULL, OPT_DIR},
	{"to", required_argument, NULL, OPT_TO},
	{"port", required_argument, NULL, OPT_PORT},
	{"broker", required_argument, NULL, OPT_BROKER},
	{"zones", required_argument, NULL, OPT_ZONES},
	{"devices", required_argument, NULL, OPT_DEVICES},
	{"pairs", required_argument, NULL, OPT_PAIRS},
	{"outstanding", required_argument, NULL, OPT_OUTSTANDING},
	{"count", required_argument, NULL, OPT_COUNT},
	{"warm", required_argument, NULL, OPT_WARM},
	{"request", required_argument, NULL, OPT_REQUEST},
	{"reply", required_argument, NULL, OPT_REPLY},
	{"procs", required_argument, NULL, OPT_PROCS},
	{"settle-ms", required_argument, NULL, OPT_SETTLE},
	{"coalesce", no_argument, NULL, OPT_COALESCE},
	{"flat", no_argument, NULL, OPT_FLAT},
	{"props", no_argument, NULL, OPT_PROPS},
	{NULL, 0, NULL, 0},
};

/* Options without a value, and those with a text; false: none of these. */
static bool
set_text(struct load_options *o, enum option_id id)
{
	if (id == OPT_DIR)
		o->dir = optarg;
	else if (id == OPT_TO)
		o->to = optarg;
	else if (id == OPT_COALESCE)
		o->coalesce = true;
	else if (id == OPT_FLAT)
		o->flat = true;
	else if (id == OPT_PROPS)
		o->props = true;
	else
		return false;
	return true;
}

static void
set_number(struct load_options *o, enum option_id id, unsigned long n)
{
	unsigned *const fields[] = {
		[OPT_ZONES] = &o->zones, [OPT_DEVICES] = &o->devices,
		[OPT_PAIRS] = &o->pairs, [OPT_OUTSTANDING] = &o->outstanding,
		[OPT_PROCS] = &o->procs, [OPT_SETTLE] = &o->settle_ms,
		[OPT_PROPS] = NULL,
	};

	if (fields[id] != NULL)
		*fields[id] = (unsigned)n;
	else if (id == OPT_PORT)
		o->port = (uint16_t)n;
	else if (id == OPT_BROKER)
		o->broker = (pid_t)n;
	else if (id == OPT_COUNT)
		o->count = n;
	else if (id == OPT_WARM)
		o->warm = n;
	else if (id == OPT_REQUEST)
		o->request_len = n;
	else if (id == OPT_REPLY)
		o->reply_len = n;
}

static bool
parse(int argc, char **argv, struct load_options *o)
{
	int id, index = 0;

	/* "+": what follows the options of `start` is a command with options of its own. */
	while ((id = getopt_long(argc, argv, "+", option_table, &index)) != -1) {
		if (id == '?')
			return false;
		if (!set_text(o, (enum option_id)id))
			set_number(o, (enum option_id)id,
				   bench_number(option_table[index].name, optarg,
						id == OPT_PORT ? UINT16_MAX : NUMBER_MAX));
	}
	o->command = argv + optind;
	return o->pairs > 0 && o->outstanding > 0 && o->procs > 0 && o->count > 0;
}

int
main(int argc, char **argv)
{
	struct load_options options = {
		.dir = ".",
		.pairs = 1,
		.outstanding = 1,
		.count = 10000,
		.warm = 1000,
		.request_len = 300,
		.reply_len = 200,
		.procs = 2,
		.settle_ms = 400,
	};

	signal(SIGPIPE, SIG_IGN);
	bench_raise_nofile();
	for (size_t i = 0; argc > 1 && i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(argv[1], modes[i].name) != 0)
			continue;
		if (!parse(argc - 1, argv + 1, &options))
			break;
		return modes[i].run(&options);
	}
	fputs("usage: bench_load prepare|calls|idle|handshakes|start|direct|links [options]; see "
	      "bench/README.md\n",
	      stderr);
	return 1;
}
