/*
 * Random histories replayed in random orders: page 8 "Conflicts": every device ends with the same
 * bytes. Devices write, delete, have wrong clocks, meet each other and the hub in any order, and
 * links are lost in the middle.
 */
#include "sync/fixture.h"

#define DEVICES 5
#define KEYS 4
#define STEPS 120
#define SEEDS 60

static struct node nodes[DEVICES + 1]; /* the last is the hub */
static const char *const names[] = {ZONE "/a", ZONE "/b", ZONE "/c", ZONE "/d", ZONE "/e", ZONE};
static const char *const keys[] = {"a", "b", "c", "shared"};
static const enum pz_sync_id two_way[] = {PZ_SYNC_PREFERENCES, PZ_SYNC_SERVICE_CACHE,
					  PZ_SYNC_APP_DATA};

static uint64_t seed;

/* splitmix64 */
static size_t
below(size_t n)
{
	uint64_t z = (seed += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (size_t)((z ^ z >> 31) % n);
}

static void
change_something(struct node *n)
{
	enum pz_sync_id id = two_way[below(3)];
	const char *key = keys[below(KEYS)];
	char value[8];

	snprintf(value, sizeof(value), "%zu", below(3));
	if (below(20) == 0) /* a clock that is far off while it writes */
		put(n, id, make(key, value, n->name, NOW + DAY * below(1000)));
	else
		edit(n, id, key, below(4) == 0 ? NULL : value);
}

/* They meet, and perhaps the link goes in the middle. */
static void
encounter(struct node *a, struct node *b)
{
	struct wire wire;
	size_t left = below(2) == 0 ? below(8) : SIZE_MAX;

	wire_up(&wire, a, b);
	assert_ok(pz_sync_session_open(wire.ends[0].session));
	if (below(3) == 0)
		assert_ok(pz_sync_session_open(wire.ends[1].session));
	while (left-- > 0) {
		size_t first = below(2);
		if (!wire_step(&wire.ends[first], NULL) && !wire_step(&wire.ends[1 - first], NULL))
			break;
	}
	wire_down(&wire);
}

static void
live(size_t count, uint64_t skew_ms)
{
	for (size_t i = 0; i < count; i++)
		nodes[i].clock.wall_ms = NOW + (skew_ms ? below(skew_ms) : 0);
	for (int step = 0; step < STEPS; step++) {
		struct node *n = &nodes[below(count)], *m = &nodes[below(count)];
		if (n == m || below(2) == 0)
			change_something(n);
		else
			encounter(n, m);
		for (size_t i = 0; i < count; i++)
			nodes[i].clock.wall_ms += 1 + below(2000);
	}
}

static void
all_are_equal(size_t count)
{
	for (size_t i = 1; i < count; i++) {
		for (size_t k = 0; k < 3; k++) {
			assert_true(is_equal(&nodes[0], &nodes[i], two_way[k]));
			for (size_t j = 0; j < KEYS; j++)
				assert_string_equal(value_of(&nodes[0], two_way[k], keys[j]),
						    value_of(&nodes[i], two_way[k], keys[j]));
		}
	}
}

static void
open_all(size_t count)
{
	for (size_t i = 0; i < count; i++)
		node_open(&nodes[i], names[i], i == DEVICES ? PZ_SYNC_HUB : PZ_SYNC_DEVICE);
}

static void
close_all(size_t count)
{
	for (size_t i = 0; i < count; i++)
		node_close(&nodes[i]);
}

/* Everybody meets everybody with clocks that agree, twice, in an order that is chance. */
static void
peers_without_the_hub(void **state)
{
	(void)state;
	for (uint64_t s = 1; s <= SEEDS; s++) {
		seed = s;
		open_all(DEVICES);
		live(DEVICES, 3000);
		for (size_t i = 0; i < DEVICES; i++)
			nodes[i].clock.wall_ms = NOW + DAY / 2;
		for (int round = 0; round < 2; round++) {
			size_t first = below(DEVICES);
			for (size_t i = 0; i < DEVICES * DEVICES; i++) {
				size_t a = (i / DEVICES + first) % DEVICES, b = i % DEVICES;
				if (a != b)
					meet(&nodes[a], &nodes[b]);
			}
		}
		all_are_equal(DEVICES);
		close_all(DEVICES);
	}
}

/* With the hub at the end, whatever the devices' clocks say. */
static void
with_the_hub(void **state)
{
	(void)state;
	for (uint64_t s = 1; s <= SEEDS; s++) {
		seed = s;
		open_all(DEVICES + 1);
		live(DEVICES + 1, s % 2 ? 3000 : 40 * DAY);
		nodes[DEVICES].clock.wall_ms = NOW + DAY / 2;
		for (int round = 0; round < 2; round++) {
			size_t first = below(DEVICES);
			for (size_t i = 0; i < DEVICES; i++)
				meet(&nodes[(i + first) % DEVICES], &nodes[DEVICES]);
		}
		all_are_equal(DEVICES + 1);
		close_all(DEVICES + 1);
	}
}

/* More deletions than are kept, of devices that have met the hub and each other in between. */
static void
more_deletions_than_are_kept(void **state)
{
	const size_t count = PZ_SYNC_DELETED_MAX(PZ_SYNC_CHUNKS_MAX) * 2 / 3;
	struct node *hub = &nodes[DEVICES];
	char key[16];

	(void)state;
	seed = 5;
	open_all(DEVICES + 1);
	for (size_t n = 0; n < 3; n++) {
		for (size_t i = 0; i < count; i++) {
			snprintf(key, sizeof(key), "%zu %zu", n, i);
			nodes[n].clock.wall_ms += 1 + below(3);
			put(&nodes[n], PZ_SYNC_APP_DATA,
			    make(key, NULL, names[n], nodes[n].clock.wall_ms));
		}
		meet(&nodes[n], n == 1 ? &nodes[0] : hub);
	}
	for (size_t i = 0; i <= DEVICES; i++)
		nodes[i].clock.wall_ms = NOW + DAY / 2;
	for (int round = 0; round < 3; round++)
		for (size_t i = 0; i < DEVICES; i++)
			meet(&nodes[i], hub);
	all_are_equal(DEVICES + 1);
	assert_int_equal(pz_sync_item_len(hub->items[PZ_SYNC_APP_DATA]),
			 PZ_SYNC_DELETED_MAX(PZ_SYNC_CHUNKS_MAX));
	close_all(DEVICES + 1);
}

/* The same history, received in two orders, ends in the same bytes. */
static void
the_order_does_not_matter(void **state)
{
	struct pz_sync_judge judge = {.now_ms = NOW, .kind = pz_sync_kind(PZ_SYNC_PREFERENCES)};

	(void)state;
	for (uint64_t s = 1; s <= 2000; s++) {
		struct pz_sync_chunk *all[6];
		const struct pz_sync_chunk *forward = NULL, *shuffled = NULL;
		seed = s;
		for (size_t i = 0; i < 6; i++) {
			uint64_t mtime = NOW + below(3) * 4000 - below(2);
			all[i] = make("k", below(4) ? (below(2) ? "x" : "") : NULL,
				      names[below(DEVICES)], mtime);
		}
		for (size_t i = 0; i < 6; i++)
			if (pz_sync_wins(forward, all[i], &judge))
				forward = all[i];
		for (size_t i = 0; i < 60; i++) {
			const struct pz_sync_chunk *next = all[i < 54 ? below(6) : i - 54];
			if (pz_sync_wins(shuffled, next, &judge))
				shuffled = next;
		}
		assert_true(pz_sync_chunk_is_same(forward, shuffled));
		for (size_t i = 0; i < 6; i++)
			pz_sync_chunk_free(all[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(peers_without_the_hub),
		cmocka_unit_test(with_the_hub),
		cmocka_unit_test(more_deletions_than_are_kept),
		cmocka_unit_test(the_order_does_not_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
