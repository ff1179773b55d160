/* For the tests of this folder: devices with their certificates, and links to them without TLS. */
#ifndef PZ_PZH_FIXTURE_DEVICES_H
#define PZ_PZH_FIXTURE_DEVICES_H

#include "kit/link.h"
#include "kit/stream.h"
#include "pzh/fixture.h"
#include "rpc/error.h"
#include "wire/frame.h"

#define LAPTOP ZONE "/laptop"
#define PHONE ZONE "/phone"
#define TV ZONE "/tv"

/* A device with its real certificates, and the hub's end of its link without TLS. */
struct device {
	struct pz_membership *membership;
	struct pz_hosted_conn *conn; /* NULL: no link */
	struct pz_link *link;
	char address[PZ_ADDRESS_BYTES_MAX + 1];
};

extern struct device laptop, car, phone, tv;

/* ---- devices ---- */

struct pz_member *member_of(const struct device *d);

/* What the device sends; PZ_OK also when it is dropped. */
void say(const struct device *d, struct pz_buf *frame);

/* The hub's end of a link that has not registered yet, without what the zone knows of it. */
void make_link(struct device *d, enum pz_session_kind kind);

void link_up(struct device *d);

void link_down(struct device *d);

/** Killed and started again, without links. */
void restart_without_links(void);

int set_up_devices(void **state);

int tear_down_devices(void **state);

/* ---- what they say ---- */

/* @param message taken, may be NULL */
void say_prop(const struct device *by, const char *from, const char *status, json_t *message);

/* ---- what they receive ---- */

/* All that waits for the device, oldest first; the caller decrefs. */
json_t *told(const struct device *d);

/* How often a message of this type or status, for this destination, was among them. */
size_t count_told(const struct device *d, const char *what, const char *to);

void forget_told(const struct device *d);

/* Code of the error that answers a call; 0: no error was received. */
int error_told(const struct device *d);

/* The newest entry about a device in the Updates; the caller decrefs. NULL: none. */
json_t *entry_told(const struct device *d, const char *name);

uint64_t metric(enum pz_metric which);

#endif
