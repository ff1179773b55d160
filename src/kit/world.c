#include "kit/world.h"

#include <poll.h>
#include <sodium.h>
#include <unistd.h>

#include "kit/check.h"

static void
open_store(struct pz_kit_world *world)
{
	world->store = pz_store_new_memory(&world->time->env, world->disk, world->commit_us);
	PZ_KIT_CHECK(world->store != NULL);
}

static void
init(struct pz_kit_world *world)
{
	world->key_type = "ec-p256";
	world->disk = pz_memory_disk_new();
	world->keys = pz_keystore_new_memory();
	PZ_KIT_CHECK(world->disk && world->keys);
	open_store(world);
}

void
pz_kit_world_init(struct pz_kit_world *world, uint64_t commit_us)
{
	PZ_KIT_CHECK(sodium_init() >= 0);
	*world = (struct pz_kit_world){.time = &world->clock, .commit_us = commit_us};
	pz_kit_clock_init(&world->clock);
	init(world);
}

void
pz_kit_world_init_beside(struct pz_kit_world *world, struct pz_kit_world *other)
{
	*world = (struct pz_kit_world){.time = other->time};
	init(world);
}

void
pz_kit_world_fini(struct pz_kit_world *world)
{
	pz_store_free(world->store);
	pz_memory_disk_free(world->disk);
	pz_keystore_free(world->keys);
}

void
pz_kit_world_replace(struct pz_kit_world *world)
{
	pz_kit_world_fini(world);
	init(world);
}

void
pz_kit_world_restart(struct pz_kit_world *world)
{
	pz_store_free(world->store);
	open_store(world);
}

struct pz_txn *
pz_kit_txn(void)
{
	struct pz_txn *txn = pz_txn_new();

	PZ_KIT_CHECK(txn != NULL);
	return txn;
}

void
pz_kit_note_end(void *arg, enum pz_err err, const char *detail)
{
	(void)detail;
	*(enum pz_err *)arg = err;
}

enum pz_err
pz_kit_world_commit(struct pz_kit_world *world, struct pz_txn *takes)
{
	enum pz_err err = PZ_ERR_INTERNAL;

	pz_store_commit(world->store, takes, pz_kit_note_end, &err);
	pz_kit_clock_run(world->time, world->commit_us);
	return err;
}

void
pz_kit_wake(void *arg)
{
	uint64_t one = 1;

	PZ_KIT_CHECK(write(*(int *)arg, &one, sizeof(one)) == sizeof(one));
}

void
pz_kit_settle(struct pz_store *store, int event_fd)
{
	while (pz_store_pending(store) > 0) {
		struct pollfd pfd = {.fd = event_fd, .events = POLLIN};
		uint64_t count;

		PZ_KIT_CHECK(poll(&pfd, 1, 60000) == 1); /* or the store never wakes us */
		PZ_KIT_CHECK(read(event_fd, &count, sizeof(count)) == sizeof(count));
		pz_store_poll(store);
	}
}

void
pz_kit_world_put(struct pz_kit_world *world, const char *space, const char *key, const char *text)
{
	struct pz_txn *txn = pz_kit_txn();

	PZ_KIT_OK(pz_txn_put(txn, space, key, pz_slice_str(text)));
	PZ_KIT_OK(pz_kit_world_commit(world, txn));
}

static enum pz_err
count_one(void *arg, const char *key, struct pz_slice value)
{
	(void)key;
	(void)value;
	(*(size_t *)arg)++;
	return PZ_OK;
}

size_t
pz_kit_world_count(struct pz_kit_world *world, const char *space)
{
	size_t count = 0;

	PZ_KIT_OK(pz_store_load(world->store, space, count_one, &count, NULL));
	return count;
}
