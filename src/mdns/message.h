/*
 * Messages between a node and the process of its own responder on their socket: the calls and
 * events of backend.h as bytes. No I/O. The node checks the responder's messages like a stranger's:
 * an attacker's packet may have taken the responder over.
 */
#ifndef PZ_MDNS_MESSAGE_H
#define PZ_MDNS_MESSAGE_H

#include "base/buf.h"
#include "mdns/backend.h"

enum pz_mdns_message_kind {
	/* To the responder. */
	PZ_MDNS_ADD_SERVICE = 1,
	PZ_MDNS_UPDATE_SERVICE,
	PZ_MDNS_ADD_ADDRESS,
	PZ_MDNS_REMOVE,
	PZ_MDNS_WATCH,
	PZ_MDNS_UNWATCH,
	PZ_MDNS_PING,
	/* From it. */
	PZ_MDNS_STARTED,     /* once, before anything else */
	PZ_MDNS_UNABLE,      /* it ends; id is Avahi's error, positive */
	PZ_MDNS_ESTABLISHED, /* of a service or an address: it is announced */
	PZ_MDNS_COLLISION,
	PZ_MDNS_FAILED,
	PZ_MDNS_RECORD,
	PZ_MDNS_PONG,
	PZ_MDNS_MESSAGE_END
};

/** One message. The members below id are set for the kinds that they name, and NULL or 0 else. */
struct pz_mdns_message {
	enum pz_mdns_message_kind kind;
	uint32_t id; /* of the entry or the watch that it is about */
	/* ADD_SERVICE, UPDATE_SERVICE */
	struct pz_mdns_service service;
	/* ADD_ADDRESS */
	struct pz_mdns_local address;
	const char *host;
	/* WATCH */
	enum pz_mdns_type type;
	const char *name;
	/* RECORD; FAILED has is_watch alone */
	bool is_watch, is_there;
	uint8_t protocol;
	int interface;
	struct pz_slice rdata;
};

/** Where the strings of a message that was read live. */
struct pz_mdns_message_text {
	const char *txt[PZ_MDNS_TXT_MAX];
	char text[PZ_MDNS_MESSAGE_TEXT_BYTES_MAX];
	size_t len;
};

/** Appends a message. Errors: LIMIT (it is too long to be sent), LIMIT_QUEUE, LIMIT_MEMORY. */
enum pz_err
pz_mdns_message_write(const struct pz_mdns_message *message, struct pz_buf *out) PZ_MUST_USE;

/**
 * Reads the first received message.
 * @param from_responder which kinds are allowed
 * @param out strings are in `text`, rdata in `bytes`
 * @param out_used its bytes; 0: it is incomplete
 * Errors: PROTO (no such message, a length over a limit, a service that pz_mdns_service_check
 * refuses, a string with NUL).
 */
enum pz_err
pz_mdns_message_read(struct pz_slice bytes, bool from_responder, struct pz_mdns_message_text *text,
		     struct pz_mdns_message *out, size_t *out_used) PZ_MUST_USE;

#endif
