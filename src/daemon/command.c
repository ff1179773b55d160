/* A command of a client of the control socket ends with its client. */
#include <stdio.h>
#include <stdlib.h>

#include "daemon/command.h"
#include "daemon/file.h"

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

/* No descriptor was sent: the table of commands reports that it is missing. */
static enum pz_err
take_file(struct pz_loop *loop, struct pz_ctl_call *call, struct pz_file **out,
	  struct pz_errinfo *info)
{
	int fd = pz_ctl_take_descriptor(call);

	return fd < 0 ? PZ_OK : pz_file_new(loop, fd, out, info);
}

void
pz_daemon_command(const struct pz_daemon_commands *commands, struct pz_loop *loop,
		  struct pz_ctl_call *call, const char *name, json_t *params)
{
	struct asked *asked = NULL;
	struct pz_file *file = NULL;
	struct pz_errinfo info = {""};
	enum pz_err err = PZ_OK;

	if (commands->takes_file && commands->takes_file(name))
		err = take_file(loop, call, &file, &info);
	if (err == PZ_OK && (asked = calloc(1, sizeof(*asked))) == NULL)
		err = PZ_ERR_LIMIT_MEMORY;
	if (err != PZ_OK) {
		pz_file_close(file);
		pz_ctl_fail_err(call, err, &info);
		return;
	}
	asked->call = call;
	asked->request = commands->begin(commands->arg, name, params, file, &reply, asked);
	if (asked->request == NULL) {
		free(asked);
		pz_ctl_fail(call, 1, "out of memory");
		return;
	}
	pz_ctl_on_gone(call, on_gone, asked);
}
