/* For the tests of this folder: a router on virtual time, sessions that keep what they are sent,
 * frames from text. */
#ifndef PZ_ROUTE_FIXTURE_H
#define PZ_ROUTE_FIXTURE_H

#include "kit/test.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/limits.h"
#include "kit/clock.h"
#include "route/router.h"
#include "wire/frame.h"

#define ZONE "alice@example.org"
#define LAPTOP ZONE "/laptop"
#define PHONE ZONE "/phone"
#define TV ZONE "/tv"
#define APP LAPTOP "/7f3a:1"

/** One session whose other end is the test. */
struct fake {
	struct pz_session session;
	char address[PZ_ADDRESS_BYTES_MAX + 1];
	struct pz_buf out;    /* frames that were not taken yet */
	enum pz_err send_err; /* what send answers; PZ_OK: it takes the frame */
	bool reading;
	int closes;
	enum pz_err close_why;
};

struct world {
	struct pz_kit_clock clock;
	struct pz_metrics metrics;
	struct pz_router *router;
	int locals, local_without_session;
	struct pz_session *local_in;
	struct pz_buf local_frames;
};

void fx_local(void *arg, struct pz_session *in, const struct pz_envelope *envelope,
	      struct pz_slice frame);

extern const struct pz_router_ops fx_router_ops;

void fx_open(struct world *w, const char *self, size_t high, size_t low);

void fx_close(struct world *w);

enum pz_err fake_send(struct pz_session *session, struct pz_slice frame);

void fake_init(struct fake *f, enum pz_session_kind kind, const char *address);

void fake_attach(struct world *w, struct fake *f, enum pz_session_kind kind, const char *address);

void fake_detach(struct world *w, struct fake *f);

/** The other end takes `len` bytes of the queue. */
void fake_drain(struct world *w, struct fake *f, size_t len);

/** A frame around the text; valid until the next call but seven. */
struct pz_slice PZ_PRINTF(1, 2) fx_frame(const char *fmt, ...);

/** A call from one to the other. */
struct pz_slice fx_call(const char *from, const char *to);

/** The next frame as a tree, which the caller decrefs; NULL: no frame waits. */
json_t *fx_take(struct pz_buf *frames);

const char *fx_str(const json_t *message, const char *name);

uint64_t fx_metric(const struct world *w, enum pz_metric metric);

#endif
