/*
 * A request: a running command, whose end is reported after the call that caused it, never inside
 * (request.h). Requests are freed in one place, pz_requests_report, which runs from a timer: code
 * that ends a request, or iterates over the list meanwhile, always finds valid memory.
 *
 * The end of a request and its freeing are two steps. The end releases what the handler holds
 * (searches, timers) at once, so that nothing continues; the object stays until its owner has
 * received the result.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "command/request.h"

static void
on_report(struct pz_timer *timer, void *arg)
{
	(void)timer;
	pz_requests_report(arg);
}

void
pz_requests_init(struct pz_requests *requests, const struct pz_env *env, void *self)
{
	*requests = (struct pz_requests){.env = env, .self = self};
	pz_list_init(&requests->all);
	pz_list_init(&requests->over);
	pz_timer_init(&requests->timer, on_report, requests);
}

/* Runs only once, even if several events end the request. */
static void
release(struct pz_request *request)
{
	if (request->is_released)
		return;
	request->is_released = true;
	if (request->kind && request->kind->release)
		request->kind->release(request);
	pz_file_close(PZ_TAKE(request->file));
}

static void
free_request(struct pz_request *request)
{
	release(request);
	pz_list_remove(&request->all);
	pz_list_remove(&request->over);
	json_decref(request->params);
	json_decref(request->result);
	free(request->state);
	free(request);
}

void
pz_requests_report(struct pz_requests *requests)
{
	struct pz_list *n;

	while ((n = pz_list_first(&requests->over)) != NULL) {
		struct pz_request *request = PZ_CONTAINER(n, struct pz_request, over);
		const struct pz_reply *reply = request->reply;

		/* Removed from the lists first, because done() may do anything. */
		pz_list_remove(&request->over);
		pz_list_remove(&request->all);
		request->reply = NULL;
		if (reply)
			reply->done(request->arg, request->err, request->info.text,
				    request->result);
		free_request(request);
	}
}

void
pz_requests_fini(struct pz_requests *requests)
{
	struct pz_list *n;

	if (requests->env == NULL)
		return;
	/* A release may end other requests; their owners get no reply. */
	PZ_LIST_EACH (&requests->all, one, tmp)
		PZ_CONTAINER(one, struct pz_request, all)->reply = NULL;
	while ((n = pz_list_first(&requests->all)) != NULL)
		free_request(PZ_CONTAINER(n, struct pz_request, all));
	pz_env_stop(requests->env, &requests->timer);
}

struct pz_request *
pz_requests_next(const struct pz_requests *requests, const struct pz_request_kind *kind,
		 const struct pz_request *last)
{
	const struct pz_list *n = last ? last->all.next : requests->all.next;

	for (; n != &requests->all; n = n->next) {
		struct pz_request *request =
			PZ_CONTAINER((struct pz_list *)(uintptr_t)n, struct pz_request, all);
		if (request->kind == kind && !pz_request_is_over(request))
			return request;
	}
	return NULL;
}

struct pz_request *
pz_request_new(struct pz_requests *requests, json_t *params, const struct pz_reply *reply,
	       void *arg)
{
	struct pz_request *request = calloc(1, sizeof(*request));

	if (request == NULL)
		return NULL;
	request->self = requests->self;
	request->params = json_incref(params);
	request->requests = requests;
	request->reply = reply;
	request->arg = arg;
	pz_list_append(&requests->all, &request->all);
	return request;
}

void
pz_request_set_file(struct pz_request *request, struct pz_file *takes_file)
{
	request->file = takes_file;
}

bool
pz_request_is_over(const struct pz_request *request)
{
	return pz_list_is_linked(&request->over) || request->is_ended;
}

static void
report_soon(struct pz_request *request)
{
	struct pz_requests *requests = request->requests;

	if (pz_list_is_linked(&request->over))
		return;
	pz_list_append(&requests->over, &request->over);
	pz_env_start(requests->env, &requests->timer, 0);
}

/* Its owner needs no answer. A handler that cannot be cancelled (it is storing) continues. */
void
pz_request_cancel(struct pz_request *request)
{
	if (request == NULL)
		return;
	request->reply = NULL;
	if (request->kind && !request->goes_on)
		report_soon(request);
}

void
pz_request_goes_on(struct pz_request *request, bool goes_on)
{
	request->goes_on = goes_on;
	/* Its owner has cancelled it while it could not stop. */
	if (!goes_on && request->reply == NULL)
		report_soon(request);
}

/* A handler that answers later calls this first. Without memory the request fails, and the handler
 * returns. */
void *
pz_request_begin(struct pz_request *request, const struct pz_request_kind *kind)
{
	request->state = calloc(1, kind->size ? kind->size : 1);
	if (request->state == NULL) {
		pz_request_fail(request, PZ_ERR_LIMIT_MEMORY, "out of memory");
		return NULL;
	}
	request->kind = kind;
	request->goes_on = kind->goes_on;
	return request->state;
}

void
pz_request_event(struct pz_request *request, json_t *takes_event)
{
	if (takes_event && request->reply && request->reply->event && !request->is_ended)
		request->reply->event(request->arg, takes_event);
	json_decref(takes_event);
}

/* Only the first end has an effect: in one turn several events may try to end a request. */
void
pz_request_finish(struct pz_request *request, enum pz_err err, const char *detail,
		  json_t *takes_result)
{
	if (request->is_ended) {
		json_decref(takes_result);
		return;
	}
	if (err == PZ_OK && takes_result == NULL) {
		err = PZ_ERR_LIMIT_MEMORY;
		detail = "out of memory";
	}
	request->is_ended = true;
	request->err = err;
	if (err == PZ_OK) {
		request->result = takes_result;
	} else {
		json_decref(takes_result);
		snprintf(request->info.text, sizeof(request->info.text), "%s",
			 detail[0] ? detail : pz_err_text(err));
	}
	release(request);
	report_soon(request);
}

void
pz_request_answer(struct pz_request *request, json_t *takes_result)
{
	pz_request_finish(request, PZ_OK, "", takes_result);
}

void
pz_request_fail(struct pz_request *request, enum pz_err err, const char *detail)
{
	pz_request_finish(request, err, detail, NULL);
}
