/*
 * Registering, the first step of every link after its handshake: both ends send one `register`
 * with their address and with the largest frame that they take.
 */
#ifndef PZ_NET_REGISTER_H
#define PZ_NET_REGISTER_H

#include "net/link.h"
#include "wire/envelope.h"

/**
 * Sends ours, with pz_link_host.frame_max.
 * @param link identified (pz_link_identify)
 * @param from own address
 * @param replaces as in pz_message_register; NULL: a new link
 * Errors: those of pz_link_send; LIMIT_MEMORY.
 * @spec page 4 "A link's life" 2
 */
enum pz_err
pz_link_send_register(struct pz_link *link, const char *from, const char *replaces) PZ_MUST_USE;
/**
 * Takes the other end's: from now on no longer frame is sent to it than it said.
 * @param envelope of a register (is_register)
 * Errors: DENIED_IDENTITY (its `from` is not the address that the link has proved).
 */
enum pz_err
pz_link_take_register(struct pz_link *link, const struct pz_envelope *envelope) PZ_MUST_USE;

#endif
