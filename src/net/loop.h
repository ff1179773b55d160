/* The event loop of a daemon: libuv, our timers, and the links' turn. */
#ifndef PZ_NET_LOOP_H
#define PZ_NET_LOOP_H

#include <sys/resource.h>
#include <uv.h>

#include "base/env.h"
#include "net/transport.h"
#include "net/turn.h"

/** Ciphertext read by one system call; shared by all connections of the loop. */
#define PZ_LOOP_READ_BYTES (256U << 10)

struct pz_loop {
	uv_loop_t uv;
	uv_timer_t alarm;
	uv_prepare_t prepare;
	struct pz_timers timers;
	struct pz_env env;
	struct pz_turn turn;
	uint8_t *read_buf; /* PZ_LOOP_READ_BYTES */
	uint64_t armed_us;
	struct pz_list lingering; /* closed connections whose other end has not hung up yet */
	size_t lingering_len;
	/* The loop is about to end: gives up waiting for their hang-ups, and, without time, sending
	 * what they still have. NULL: none has lingered. */
	void (*end_lingering)(struct pz_loop *loop, bool has_time);
	bool is_ending;
	struct rlimit files_at_start; /* open files; what children get back */
	unsigned files_max;           /* open files that this process may have now */
	struct pz_list lookups;       /* net/lookup.h */
	uv_async_t looked_up;
};

/** @param handshakes_max see pz_turn_init. Errors: LIMIT_MEMORY, INTERNAL. */
enum pz_err pz_loop_init(struct pz_loop *loop, unsigned handshakes_max) PZ_MUST_USE;
/** Runs until pz_loop_stop. */
void pz_loop_run(struct pz_loop *loop);
/** Makes pz_loop_run return at the end of this turn. From the loop's thread. */
void pz_loop_stop(struct pz_loop *loop);
/** Runs what is still closing (bounded), then frees. Every owner must have closed its handles. */
void pz_loop_fini(struct pz_loop *loop);

/**
 * Before pz_loop_init: whether this process may open as many files as a daemon needs. A lower soft
 * limit is raised to that.
 * @param info may be NULL; says what to do
 * Errors: LIMIT.
 */
enum pz_err pz_loop_check_file_limit(struct pz_errinfo *info) PZ_MUST_USE;
/** Raises the soft limit of open files to the hard one: a hub holds many connections, and the soft
 * limit of most systems is 1024. Children get the limit of before. */
void pz_loop_raise_file_limit(struct pz_loop *loop);

/** Descriptors from this number on are not for connections that others open: the owner's commands
 * need them. */
unsigned pz_loop_files_for_links(const struct pz_loop *loop);
/** How many connections may wait to prove an identity, so that they leave descriptors to links and
 * to the owner's commands. @param wanted at most this many */
unsigned pz_loop_room(const struct pz_loop *loop, unsigned wanted);

/** TCP as the transport of a node; the loop is borrowed. */
struct pz_transport pz_loop_transport(struct pz_loop *loop);

#endif
