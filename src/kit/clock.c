#include "kit/clock.h"

#include <string.h>

void
pz_kit_clock_init(struct pz_kit_clock *clock)
{
	*clock = (struct pz_kit_clock)PZ_KIT_CLOCK(*clock);
}

uint64_t
pz_kit_mono_us(void *arg)
{
	return ((struct pz_kit_clock *)arg)->now_us;
}

uint64_t
pz_kit_wall_ms(void *arg)
{
	const struct pz_kit_clock *clock = arg;
	int64_t passed_ms = ((int64_t)clock->now_us - (int64_t)PZ_KIT_MONO_US) / 1000;

	return (uint64_t)((int64_t)PZ_KIT_WALL_MS + passed_ms + clock->wall_ahead_ms);
}

void
pz_kit_random(void *arg, void *out, size_t len)
{
	struct pz_kit_clock *clock = arg;
	uint8_t *bytes = out;

	while (len > 0) {
		uint64_t z = clock->random += UINT64_C(0x9e3779b97f4a7c15);
		size_t n = len < sizeof(z) ? len : sizeof(z);

		z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
		z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
		z ^= z >> 31;
		memcpy(bytes, &z, n);
		bytes += n;
		len -= n;
	}
}

void
pz_kit_clock_set_wall(struct pz_kit_clock *clock, uint64_t wall_ms)
{
	clock->wall_ahead_ms += (int64_t)(wall_ms - pz_kit_wall_ms(clock));
}

static void
run_due(struct pz_kit_clock *clock)
{
	pz_timers_run(&clock->timers, clock->now_us);
	if (clock->turn)
		clock->turn(clock->turn_arg);
}

void
pz_kit_clock_run(struct pz_kit_clock *clock, uint64_t us)
{
	uint64_t until = clock->now_us + us;

	while (pz_timers_next_us(&clock->timers) <= until)
		pz_kit_clock_step(clock);
	clock->now_us = until;
}

void
pz_kit_clock_jump(struct pz_kit_clock *clock, uint64_t us)
{
	clock->now_us += us;
	run_due(clock);
}

bool
pz_kit_clock_step(struct pz_kit_clock *clock)
{
	uint64_t due = pz_timers_next_us(&clock->timers);

	if (due == UINT64_MAX)
		return false;
	if (due > clock->now_us)
		clock->now_us = due;
	run_due(clock);
	return true;
}

bool
pz_kit_clock_is_idle(const struct pz_kit_clock *clock)
{
	return clock->timers.root == NULL;
}
