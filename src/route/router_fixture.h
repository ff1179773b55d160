/* For the tests of router.c: a hub with two devices, and a device with its links. */
#ifndef PZ_ROUTE_ROUTER_FIXTURE_H
#define PZ_ROUTE_ROUTER_FIXTURE_H

#include "route/fixture.h"
#include "rpc/error.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

extern int log_lines;

void count_log(void *arg, enum pz_log_level level, const char *id, const char *text);

/* A hub with two devices. */
struct hub {
	struct world w;
	struct fake laptop, phone;
};

void hub_open(struct hub *h);

void hub_close(struct hub *h);

/* A device: its hub, one direct link, one program. */
struct node {
	struct world w;
	struct fake hub, phone, app;
};

void node_open(struct node *n);

void node_close(struct node *n);

/* The one answer that waits in `frames`: an error with this code in the name of `from`. */
void
expect_error(struct pz_buf *frames, int code, const char *from, const char *to, const char *id);

void expect_receipt(struct pz_buf *frames, const char *from, const char *to, const char *verdict);

#endif
