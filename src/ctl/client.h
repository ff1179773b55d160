/* Command line's end of the control socket: blocking, one request at a time. Protocol: server.h. */
#ifndef PZ_CTL_CLIENT_H
#define PZ_CTL_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct pz_ctl_client;

/** How the daemon refused a request. */
struct pz_ctl_error {
	int exit;          /* exit code of page 12: 1, 2, 4 or 5; 0: the request was not refused */
	char message[512]; /* one line, control characters replaced */
};

/**
 * Connects to a daemon.
 * @param path its control socket
 * Errors: IO_REFUSED (no daemon listens), IO_TIMEOUT (the daemon does not accept), CONFIG (path too
 * long), DENIED_PERMISSION, IO, LIMIT_MEMORY.
 */
enum pz_err pz_ctl_connect(const char *path, struct pz_ctl_client **out_client,
			   struct pz_errinfo *info) PZ_MUST_USE;

/** Closes the connection; requests that still run end with it. NULL is fine. */
void pz_ctl_client_free(struct pz_ctl_client *client);

/**
 * Makes a request and waits for its answer.
 * @param params takes; an object, or NULL for an empty one
 * @param timeout_ms for the whole request; 0: wait for ever
 * @param on_event called for each event (borrowed); false stops waiting. May be NULL.
 * @param out_result owned by the caller; NULL when the request failed or was stopped
 * @param out_error exit is 0 unless the daemon refused the request
 * Result: OK also for a refused or stopped request. Errors: IO_TIMEOUT, IO_CLOSED (the daemon
 * ended before it answered), IO, PROTO (not an answer), LIMIT (request or answer too long),
 * LIMIT_MEMORY. After an error or a stop the client can only be freed.
 */
enum pz_err pz_ctl_request(struct pz_ctl_client *client, const char *method, json_t *params,
			   unsigned timeout_ms, bool (*on_event)(void *arg, json_t *event),
			   void *arg, json_t **out_result, struct pz_ctl_error *out_error,
			   struct pz_errinfo *info) PZ_MUST_USE;

/**
 * Begins a request and does not wait; one at a time for each client. Parameters as those of
 * pz_ctl_request, and a descriptor that was passed goes along.
 * Errors: LIMIT (too long), LIMIT_MEMORY.
 */
enum pz_err pz_ctl_begin(struct pz_ctl_client *client, const char *method, json_t *params,
			 bool (*on_event)(void *arg, json_t *event), void *arg,
			 struct pz_errinfo *info) PZ_MUST_USE;
/**
 * Continues the request, as far as that is possible without waiting.
 * @param out_over the request has ended; else the other two are not set
 * @param out_result, out_error as those of pz_ctl_request
 * Errors: as pz_ctl_request.
 */
enum pz_err pz_ctl_proceed(struct pz_ctl_client *client, bool *out_over, json_t **out_result,
			   struct pz_ctl_error *out_error, struct pz_errinfo *info) PZ_MUST_USE;
/** Waits until one of the clients can continue, or for `timeout_ms`. @param clients NULL ones are
 * left out @return true: `stop_fd` is readable */
bool pz_ctl_wait(struct pz_ctl_client *const *clients, size_t count, int stop_fd, int timeout_ms);

/** The next request takes this descriptor along: the daemon gets a copy of it. @param fd borrowed
 * until that request ends */
void pz_ctl_client_pass(struct pz_ctl_client *client, int fd);

/**
 * Makes a waiting request return as if its on_event had returned false, as soon as `fd` is
 * readable (a signalfd, for example). @param fd borrowed; -1 for none.
 */
void pz_ctl_client_stop_fd(struct pz_ctl_client *client, int fd);

#endif
