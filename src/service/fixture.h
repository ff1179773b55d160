/* For the tests of this folder: virtual time, a dispatcher, and what it sent. */
#ifndef PZ_SERVICE_FIXTURE_H
#define PZ_SERVICE_FIXTURE_H

#include "kit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "kit/clock.h"
#include "kit/json.h"
#include "service/api_test.h"
#include "service/dispatch.h"

#define NODE "alice@example.org/tv"
#define ANN "alice@example.org/laptop/7f3a:1"
#define BOB "alice@example.org/phone/7f3a:2"
#define EVE "eve@example.com/pad/7f3a:3"
#define TEST_ID "6e6885b25a7ddb5f4658e7a599d1fc17"
#define TEST "http://webinos.org/api/test@" TEST_ID

struct fixture {
	struct pz_kit_clock clock;
	struct pz_registry *registry;
	struct pz_dispatcher *d;
	struct pz_dispatch_ops ops;
	json_t *sent; /* array of [to, payload] */
	/* permit */
	enum pz_permit answer[6]; /* by kind */
	bool was_asked;           /* of the last question */
	bool is_asking;           /* what is pending waits for a person */
	uint64_t over;            /* ticket of the last call that ended while its question waited */
	json_t *asked;            /* "kind from api id function feature" */
	uint64_t ticket;
	const char *hidden; /* service id that SHOW denies */
	/* find */
	struct pz_find *find;
	int finds;
	/* builtin */
	struct pz_call *builtin;
	int builtin_ended;
};

enum pz_permit fx_permit(void *arg, struct pz_permit_query *q);

void fx_permit_over(void *arg, uint64_t ticket);

void fx_find(void *arg, const char *caller, struct pz_find *find);

bool fx_builtin(void *arg, struct pz_call *call, const char *object, const char *function,
		const json_t *params);

void fx_builtin_ended(void *arg, struct pz_call *call);

struct fixture *fx_new(void);

void fx_free(struct fixture *f);

void fx_add(struct fixture *f, struct pz_service *service);

void fx_add_test_service(struct fixture *f);

/* With the test service. */
struct fixture *fx_with_test_api(void);

/* Hands over a payload in which ' stands for ". */
void fx_payload(struct fixture *f, const char *from, const char *text);

/* A request; params in the notation of fx_payload, or NULL. */
void fx_call(struct fixture *f, const char *from, const char *id, const char *method,
	     const char *params);

/* Everything that was sent since the last look, one "to payload" a line with sorted members and '
 * for ". */
char *fx_take(struct fixture *f);

void fx_expect_at(struct fixture *f, const char *expected, const char *file, int line);

#define fx_expect(f, expected) fx_expect_at((f), (expected), __FILE__, __LINE__)

/* Lines as fx_take gives them. */
#define RESULT(to, id, result) to " {'id':'" id "','jsonrpc':'2.0','result':" result "}\n"
#define EVENT(to, method, params)                                                                  \
	to " {'jsonrpc':'2.0','method':'" method "','params':" params "}\n"
#define FAULT(to, id, code, message)                                                               \
	to " {'error':{'code':" code ",'message':'" message "'},'id':'" id "','jsonrpc':'2.0'}\n"
#define ERROR(to, id, name, dom, message)                                                          \
	to " {'error':{'code':-31000,'data':{'code':" dom ",'message':'" message "','name':'" name \
	   "'},'message':'Method Invocation returned with error'},'id':'" id                       \
	   "','jsonrpc':'2.0'}\n"

#endif
