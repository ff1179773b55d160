/*
 * A relay or hub that lies about what it passes on (page 15 "A hop"). Only a program that is linked
 * with the options of CMakeLists.txt (LIES) has one.
 */
#ifndef PZ_SIM_LIAR_H
#define PZ_SIM_LIAR_H

#include "world.h"

#define LIES(X)                                                                                    \
	X(DROP)                                                                                    \
	X(HOLD)                                                                                    \
	X(DOUBLE)                                                                                  \
	X(REORDER)                                                                                 \
	X(ALTER)                                                                                   \
	X(CUT)                                                                                     \
	X(SWAP)                                                                                    \
	X(MAKE_UP)                                                                                 \
	X(KEEP_OPEN)                                                                               \
	X(NAME)                                                                                    \
	X(MISLEAD)

enum lie {
#define X(name) LIE_##name,
	LIES(X)
#undef X
		LIE_COUNT
};

/** From now on this node lies, about what is decided by chance. One at a time. */
void liar_begin(struct world *world, struct sim_node *node);
/** It also tells this lie. */
void liar_must_tell(enum lie lie);
/** It is honest again; what it kept open ends. */
void liar_end(struct world *world);

#endif
