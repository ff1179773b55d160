/* For the tests of sessions: a hub, two devices, and one link. */
#ifndef PZ_SYNC_SESSION_FIXTURE_H
#define PZ_SYNC_SESSION_FIXTURE_H

#include "sync/fixture.h"

extern struct node hub, laptop, phone;
extern struct wire w;

int set_up(void **state);

int tear_down(void **state);

struct end *dialler(void);

struct end *other(void);

void rewire(struct node *a, struct node *b);

void run(void);

void fill(struct node *n, size_t count);

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
