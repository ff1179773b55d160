#include "net/link_world_fixture.h"

struct fx_world w;

int
fx_set_up(void **state)
{
	(void)state;
	fx_open(&w);
	return 0;
}

int
fx_tear_down(void **state)
{
	(void)state;
	fx_shut(&w);
	return 0;
}
