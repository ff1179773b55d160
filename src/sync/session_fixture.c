#include "sync/session_fixture.h"

struct node hub, laptop, phone;

struct wire w;

int
set_up(void **state)
{
	(void)state;
	node_open(&hub, ZONE, PZ_SYNC_HUB);
	node_open(&laptop, ZONE "/laptop", PZ_SYNC_DEVICE);
	node_open(&phone, ZONE "/phone", PZ_SYNC_DEVICE);
	wire_up(&w, &laptop, &hub);
	return 0;
}

int
tear_down(void **state)
{
	(void)state;
	wire_down(&w);
	node_close(&hub);
	node_close(&laptop);
	node_close(&phone);
	return 0;
}

struct end *
dialler(void)
{
	return &w.ends[0];
}

struct end *
other(void)
{
	return &w.ends[1];
}

void
rewire(struct node *a, struct node *b)
{
	wire_down(&w);
	wire_up(&w, a, b);
}

void
run(void)
{
	assert_ok(pz_sync_session_open(dialler()->session));
	wire_run(&w);
}

void
fill(struct node *n, size_t count)
{
	char key[32];

	for (size_t i = 0; i < count; i++) {
		snprintf(key, sizeof(key), "key-%05zu", i);
		put(n, PZ_SYNC_APP_DATA, make(key, "a value", ZONE, NOW - 1));
	}
}
