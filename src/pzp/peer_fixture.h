/*
 * For the tests of direct links: a node that is a member, and other devices of its zone, which are
 * bare TLS sessions that say whatever a test likes. Streams are memory, time is virtual.
 */
#ifndef PZ_PZP_PEER_FIXTURE_H
#define PZ_PZP_PEER_FIXTURE_H

#include "kit/stream.h"
#include "peers/internal.h"
#include "pzp/node_fixture.h"
#include "service/descriptor.h"
#include "wire/frame.h"
#include "wire/message.h"

#define FX_DEVICES_MAX 8
#define TLS_PORT 8043

/** A device of the zone, or of another: its certificates. */
struct fx_device {
	char name[PZ_DEVICE_BYTES_MAX + 1];
	char address[PZ_ADDRESS_BYTES_MAX + 1];
	struct pz_kit_identity id;
	const uint8_t *secret; /* that it proves to this node; NULL: that of the zone */
};

/** The other end of a connection. */
struct fx_far {
	struct pz_kit_stream near; /* the node's end */
	struct pz_kit_far far;
	struct pz_list node;
	const struct fx_device *device;
	struct pz_tls_ctx *ctx;
	json_t *heard; /* messages received */
};

struct fx_peers {
	struct pz_list fars;
	struct fx_device devices[FX_DEVICES_MAX];
	size_t device_count;
};

/* ---- devices ---- */

struct fx_device *
fx_device_of(struct pz_kit_world *hub, struct pz_authority *authority, const char *name);

/** Another member. */
struct fx_device *fx_device(const char *name);

/** A zone becomes a friend of the node's. @param secret that both share */
void
fx_befriend(const struct pz_authority *authority, const uint8_t secret[PZ_FRIEND_SECRET_BYTES]);

/* ---- the other end ---- */

struct fx_far *fx_far_new(const struct fx_device *device, enum pz_tls_kind kind);

/* True when something moved. */
bool fx_far_reads(struct fx_far *far);

/** Until no byte moves any more. No time passes. */
void fx_settle(void);

/** Time passes, in steps in which bytes move. */
void fx_run(uint64_t duration_us);

/** A peer connects to the node. @param device NULL: one that stays silent */
struct fx_far *fx_comes(const struct fx_device *device);

/** The dial of the node's to this address that is not over, or NULL. */
struct pz_dial *fx_dialled(const char *host);

/** It is answered by this device. @param device NULL: the other end knows no TLS */
struct fx_far *fx_answers(const char *host, const struct fx_device *device);

void fx_refuses(const char *host);

/** Puts one message into the node's input, as it stands. */
void fx_puts(struct fx_far *far, const char *text);

/** Sends one message. @param message taken */
void fx_says(struct fx_far *far, json_t *message);

json_t *fx_prop(const char *from, const char *status, json_t *takes_message);

/** A prop of the device itself. @param message taken */
void fx_tells(struct fx_far *far, const char *status, json_t *message);

void fx_registers_as(struct fx_far *far, const char *address);

void fx_registers(struct fx_far *far);

void fx_hangs_up(struct fx_far *far);

/** Forgets the messages received so far. */
void fx_forget(struct fx_far *far);

/** How many props with this status it received. */
unsigned fx_heard(const struct fx_far *far, const char *status, json_t **out_last);

bool fx_heard_register(const struct fx_far *far);

/* ---- what the node thinks ---- */

const struct peer *fx_peer(const char *device);

void fx_state_is(const char *device, enum pz_peer_state state);

/** A link that the device opened, registered both ways. */
struct fx_far *fx_live(const struct fx_device *device);

/** What a hub would have sent: the device and its addresses. @param addresses taken */
void fx_directory(const char *device, json_t *addresses, int port);

/** A pzpInfo that means nothing special. */
json_t *fx_info(void);

/** A registerServices message. @param count of services */
json_t *fx_services(const char *address, unsigned count);

/* ---- life ---- */

/** All but a node. */
void fx_prepare(void **state);

int fx_set_up(void **state);

int fx_tear_down(void **state);

#define FX_TEST(name) cmocka_unit_test_setup_teardown(name, fx_set_up, fx_tear_down)

#endif
