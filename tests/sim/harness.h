/* Runs scenarios over many seeds: options, the log, deterministic randomness of the libraries. */
#ifndef PZ_SIM_HARNESS_H
#define PZ_SIM_HARNESS_H

#include "world.h"

/** One promise and how many seeds it is tried with by default. */
struct scenario {
	const char *name;
	unsigned seeds;
	void (*run)(struct world *world);
};

/**
 * main() of a simulation. Options: --seed N (first seed), --count N (seeds per scenario),
 * --only NAME, --verbose. The first seed is run twice and must do the same both times.
 */
int sim_main(int argc, char **argv, const struct scenario *scenarios, size_t count);

/** Whose code runs now, for the log; NULL: no node's. */
void harness_current(const char *name);
/** Whose code runs now; NULL: no node's. */
const char *harness_who(void);
/** Log lines of a node that has crashed are dropped. */
void harness_mute(bool on);

#endif
