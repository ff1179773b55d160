/* pzh without a daemon: the hub is loaded into this process, and answers the same requests. */
#include <stdlib.h>

#include "base/auto.h"
#include "cli/run.h"
#include "cli_pzh/commands.h"
#include "conf/settings.h"
#include "ctl/server.h"
#include "pzh/offline.h"

struct here {
	struct pz_pzh_offline *hub;
	struct pz_settings settings;
	bool has_settings;
};

static enum pz_err
on_run(void *self, const char *method, json_t *params, int file, int stop_fd, json_t **out_result,
       struct pz_errinfo *info)
{
	struct here *here = self;

	return pz_pzh_offline_run(here->hub, method, params, file, stop_fd, out_result, info);
}

static void
on_close(void *self)
{
	struct here *here = self;

	pz_pzh_offline_close(here->hub);
	if (here->has_settings)
		pz_settings_free(&here->settings);
	free(here);
}

/* Reads the daemon's configuration file, so that zones are created in the same way. If it cannot be
 * read, only a daemon knows the port. */
static enum pz_err
load(struct pz_cli *cli, struct here *here, char *data_dir, struct pz_errinfo *info)
{
	static char program[] = "", option[] = "--data-dir";
	char *argv[] = {program, option, data_dir, NULL};
	struct pz_settings *s = &here->settings;

	here->has_settings = pz_settings_load(cli->program->settings, 3, argv, s, NULL) == PZ_OK;
	return pz_pzh_offline_open(data_dir, here->has_settings ? s->port : 0,
				   here->has_settings ? s->key_type : NULL, &here->hub, info);
}

static enum pz_err
open_here(struct pz_cli *cli, struct pz_errinfo *info)
{
	PZ_AUTO_FREE char *data_dir = NULL;
	struct here *here = calloc(1, sizeof(*here));
	enum pz_err err = here ? pz_cli_data_dir(cli, &data_dir, info) : PZ_ERR_LIMIT_MEMORY;

	if (err == PZ_OK)
		err = load(cli, here, data_dir, info);
	if (err != PZ_OK) {
		if (here)
			on_close(here);
		return err;
	}
	cli->offline = (struct pz_cli_offline){here, on_run, on_close};
	return PZ_OK;
}

int
pz_pzh_find_hub(struct pz_cli *cli)
{
	struct pz_errinfo info = {""};

	if (cli->offline.run || pz_cli_connect(cli, &info) != PZ_ERR_IO_REFUSED)
		return PZ_EXIT_DONE; /* the first request reports any other failure */
	info.text[0] = '\0';
	enum pz_err err = open_here(cli, &info);
	return err == PZ_OK
		       ? PZ_EXIT_DONE
		       : pz_cli_fail(cli, pz_ctl_exit_code(err), "%s", pz_errinfo_text(&info, err));
}
