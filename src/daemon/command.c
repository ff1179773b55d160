/* A command of a client of the control socket ends with its client. */
#include <stdio.h>
#include <stdlib.h>

#include "daemon/command.h"

struct asked {
	struct pz_ctl_call *call;
	struct pz_request *request;
};

static void
on_done(void *arg, enum pz_err err, const char *detail, json_t *result)
{
	struct asked *asked = arg;
	struct pz_errinfo info;

	if (err == PZ_OK) {
		pz_ctl_reply(asked->call, json_incref(result));
	} else {
		snprintf(info.text, sizeof(info.text), "%s", detail);
		pz_ctl_fail_err(asked->call, err, &info);
	}
	free(asked);
}

static void
on_event(void *arg, json_t *event)
{
	struct asked *asked = arg;

	pz_ctl_event(asked->call, json_incref(event));
}

static const struct pz_reply reply = {.done = on_done, .event = on_event};

static void
on_gone(void *arg)
{
	struct asked *asked = arg;

	pz_request_cancel(asked->request);
	free(asked);
}

void
pz_daemon_command(pz_daemon_begin begin, void *arg, struct pz_ctl_call *call, const char *name,
		  json_t *params)
{
	struct asked *asked = calloc(1, sizeof(*asked));

	if (asked) {
		asked->call = call;
		asked->request = begin(arg, name, params, &reply, asked);
	}
	if (asked == NULL || asked->request == NULL) {
		free(asked);
		pz_ctl_fail(call, 1, "out of memory");
		return;
	}
	pz_ctl_on_gone(call, on_gone, asked);
}
