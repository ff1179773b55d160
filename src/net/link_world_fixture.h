/* For tests that need one world of links each. */
#ifndef PZ_NET_LINK_WORLD_FIXTURE_H
#define PZ_NET_LINK_WORLD_FIXTURE_H

#include "net/link_fixture.h"

/** Opened before each test, and shut after it. */
extern struct fx_world w;
int fx_set_up(void **state);
int fx_tear_down(void **state);

#define LINK_TEST(f) cmocka_unit_test_setup_teardown(f, fx_set_up, fx_tear_down)

#endif
