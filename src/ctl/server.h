/*
 * Daemon's end of the control socket: newline-delimited JSON-RPC 2.0 on a UNIX stream socket.
 *
 *     {"jsonrpc":"2.0","id":1,"method":"status","params":{...}}                     request
 *     {"jsonrpc":"2.0","method":"event","params":{"id":1,"event":...}}              event of
 * request 1
 *     {"jsonrpc":"2.0","id":1,"result":...}                                         answer
 *     {"jsonrpc":"2.0","id":1,"error":{"code":N,"message":"...","data":{"exit":1}}} failure
 *
 * A request may come with one descriptor (SCM_RIGHTS, with any of the bytes of its line). It is for
 * the handler to take; one that no handler takes is closed when the lines that came with it have
 * been read. Several at once, or a second one before the first was taken, end the connection.
 *
 * All functions are called on the loop's thread.
 */
#ifndef PZ_CTL_SERVER_H
#define PZ_CTL_SERVER_H

#include <jansson.h>

#include "base/err.h"

struct uv_loop_s;
struct pz_ctl_server;

/** One running request of one client. Valid until it is answered or its client is gone. */
struct pz_ctl_call;

/**
 * Called for each request.
 * @param method name as sent; valid as long as the call
 * @param params object, borrowed until the handler returns, never NULL (absent params are an empty
 *     object; anything but an object is refused before the handler is asked)
 * The handler ends the call, at once or later, with exactly one pz_ctl_reply or pz_ctl_fail.
 */
typedef void (*pz_ctl_handler)(void *arg, struct pz_ctl_call *call, const char *method,
			       json_t *params);

/**
 * Listens at `path`, mode 0600; peers must have our uid or be root (SO_PEERCRED), see also
 * pz_ctl_server_allow_group.
 * @param loop borrowed, must outlive the server
 * @param path socket file. A file left by a daemon that crashed is removed; one that a process
 * listens on is not.
 * @param info detail for people, may be NULL
 * Errors: CONFIG (path longer than a socket address holds), EXISTS (another daemon listens there,
 * or the file is no socket), DENIED_PERMISSION, IO, LIMIT_MEMORY.
 * @spec page 12
 */
enum pz_err
pz_ctl_server_new(struct uv_loop_s *loop, const char *path, pz_ctl_handler handler, void *arg,
		  struct pz_ctl_server **out_server, struct pz_errinfo *info) PZ_MUST_USE;

/**
 * Lets the members of a group connect too: the socket file gets the group and mode 0660, and a
 * client's groups are looked at when it connects (SO_PEERCRED, SO_PEERGROUPS). The directory of the
 * file has to let them in; that is the caller's business.
 * @param group name
 * Errors: CONFIG (no such group, or this process may not give files to it).
 */
enum pz_err pz_ctl_server_allow_group(struct pz_ctl_server *server, const char *group,
				      struct pz_errinfo *info) PZ_MUST_USE;

/**
 * Writes the clients' queues as far as their sockets accept it, calls the `gone` functions of the
 * running calls, closes all clients and removes the socket file. The memory is freed when the loop
 * has run the close call-backs: run the loop until it is empty. NULL is fine. May be called by a
 * handler.
 */
void pz_ctl_server_free(struct pz_ctl_server *server);

/**
 * The descriptor that came with the request, inside the handler only.
 * @return close-on-exec, the caller's; -1: none. It may be of any kind: the other side has opened
 * it
 */
int pz_ctl_take_descriptor(struct pz_ctl_call *call);

/**
 * Ends the call with a result.
 * @param result takes; NULL gives JSON null (or stands for memory that ran out while it was made)
 */
void pz_ctl_reply(struct pz_ctl_call *call, json_t *result);

/**
 * Ends the call with a failure.
 * @param exit_code of the command line (page 12): 1 failed, 2 wrong usage, 4 timed out, 5 denied
 * @param message one line: the reason and what to do
 */
void pz_ctl_fail(struct pz_ctl_call *call, int exit_code, const char *message);

/** pz_ctl_fail with the exit code and text that suit an error; the detail is used when there is
 * one. @param info may be NULL. */
void pz_ctl_fail_err(struct pz_ctl_call *call, enum pz_err err, const struct pz_errinfo *info);

/** Exit code of page 12 for an error: IO_TIMEOUT 4, DENIED 5, everything else 1. */
int pz_ctl_exit_code(enum pz_err err);

/**
 * Sends an event of a running request. When the client does not read and its queue is full, it is
 * disconnected at the end of the loop's turn (its calls then are gone), never inside this function.
 * @param event takes; NULL is ignored
 */
void pz_ctl_event(struct pz_ctl_call *call, json_t *event);

/**
 * Sets what is called, once, when the client disconnects (or the server is freed) before the call
 * ended; the call must not be used in it or afterwards. Without such a function only answer
 * calls inside the handler. @param fn NULL removes it.
 */
void pz_ctl_on_gone(struct pz_ctl_call *call, void (*fn)(void *arg), void *arg);

#endif
