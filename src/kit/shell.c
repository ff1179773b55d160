#include "kit/shell.h"

#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int
pz_kit_shell(const char *command)
{
	char shell[] = "/bin/sh", flag[] = "-c", line[512];
	char *argv[] = {shell, flag, line, NULL};
	int status;
	pid_t pid;

	snprintf(line, sizeof(line), "%s", command);
	if (posix_spawn(&pid, shell, NULL, NULL, argv, environ) != 0 ||
	    waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
