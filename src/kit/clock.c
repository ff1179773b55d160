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
	return ((struct pz_kit_clock *)arg)->wall_ms;
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

/* Parts of a millisecond add up: the wall clock never drifts from the monotonic one. */
static void
move_to(struct pz_kit_clock *clock, uint64_t now_us)
{
	clock->wall_ms += now_us / PZ_US_PER_MS - clock->now_us / PZ_US_PER_MS;
	clock->now_us = now_us;
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
	move_to(clock, until);
}

void
pz_kit_clock_skip(struct pz_kit_clock *clock, uint64_t us)
{
	move_to(clock, clock->now_us + us);
}

void
pz_kit_clock_jump(struct pz_kit_clock *clock, uint64_t us)
{
	move_to(clock, clock->now_us + us);
	run_due(clock);
}

bool
pz_kit_clock_step(struct pz_kit_clock *clock)
{
	uint64_t due = pz_timers_next_us(&clock->timers);

	if (due == UINT64_MAX)
		return false;
	if (due > clock->now_us)
		move_to(clock, due);
	run_due(clock);
	return true;
}

bool
pz_kit_clock_is_idle(const struct pz_kit_clock *clock)
{
	return clock->timers.root == NULL;
}
