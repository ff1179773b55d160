/*
 * The program around its commands: it parses the command line, runs one command, and exits with its
 * status. Requests of shells for completions arrive in the same way.
 */
#include "cli/program.h"

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli/complete.h"
#include "cli/run.h"
#include "ctl/client.h"
#include "daemon/startup.h"

/* Respects NO_COLOR and TERM=dumb: no-color.org. */
static bool
wants_colour(const struct pz_cli *cli)
{
	const char *term = getenv("TERM"), *no_colour = getenv("NO_COLOR");

	if (!cli->out_is_tty || cli->json || (no_colour && no_colour[0]))
		return false;
	return term == NULL || strcmp(term, "dumb") != 0;
}

/* Found even if the command line is wrong before or after it. */
static bool
wants_json(const struct pz_cli *cli, int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--json") == 0)
			return true;
	return pz_cli_opt(cli, "json") != NULL;
}

static int
run_command(struct pz_cli *cli)
{
	struct signalfd_siginfo seen;
	int status = cli->args.command->run(cli);

	pz_ctl_client_free(cli->client);
	cli->client = NULL;
	pz_cli_close_offline(cli);
	if (cli->stop_fd >= 0) {
		while (read(cli->stop_fd, &seen, sizeof(seen)) > 0)
			; /* consumed, otherwise it would stay pending */
		close(cli->stop_fd);
	}
	return status;
}

int
pz_cli_run(struct pz_cli *cli, int argc, char **argv)
{
	struct pz_errinfo info = {""};
	int status = PZ_EXIT_DONE;

	if (argc > 1 && strcmp(argv[1], PZ_CLI_COMPLETE) == 0) {
		pz_cli_complete(cli, argc - 2, argv + 2);
		return PZ_EXIT_DONE;
	}
	if (argc > 1 && strcmp(argv[1], PZ_CLI_COMPLETE_DAEMON) == 0) {
		pz_cli_complete_daemon(cli, argc - 2, argv + 2);
		return PZ_EXIT_DONE;
	}
	enum pz_err err = pz_cli_args_parse(cli->program, argc - 1, argv + 1, &cli->args, &info);

	cli->client = NULL;
	cli->offline = (struct pz_cli_offline){0};
	cli->file = cli->stop_fd = -1;
	cli->is_system_denied = false;
	cli->json = err == PZ_OK ? pz_cli_opt(cli, "json") != NULL : wants_json(cli, argc, argv);
	cli->colour = wants_colour(cli);
	if (err != PZ_OK)
		return pz_cli_usage(cli, "%s", info.text);
	if (cli->args.is_help)
		pz_cli_help(cli->program, cli->args.command, cli->out);
	else if (cli->args.is_version)
		fprintf(cli->out, "%s %s\n", cli->program->name, PZ_VERSION);
	else
		status = run_command(cli);
	if ((fflush(cli->out) != 0 || ferror(cli->out)) && status == PZ_EXIT_DONE)
		status = pz_cli_fail(cli, PZ_EXIT_FAILED, "cannot write the output");
	return status;
}

/* Columns of the terminal; 0: no terminal, or unknown. */
static size_t
terminal_width(void)
{
	struct winsize size;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
		return 0;
	return size.ws_col;
}

int
pz_cli_main(const struct pz_cli_program *program, int argc, char **argv)
{
	if (pz_startup_open_standard() != PZ_OK)
		return PZ_EXIT_FAILED; /* there is no output for the reason */
	pz_startup_hide_memory();

	struct pz_cli cli = {
		.program = program,
		.in = stdin,
		.out = stdout,
		.err = stderr,
		.in_is_tty = isatty(STDIN_FILENO),
		.out_is_tty = isatty(STDOUT_FILENO),
		.err_is_tty = isatty(STDERR_FILENO),
		.width = terminal_width(),
	};

	setlocale(LC_CTYPE, ""); /* for the width of characters in tables */
	return pz_cli_run(&cli, argc, argv);
}
