/*
 * What a daemon does before anything else: descriptors 0 to 2 are open, and its memory, which
 * contains keys, cannot be dumped, nor read by other processes of the user.
 */
#include "daemon/startup.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

enum pz_err
pz_startup_open_standard(void)
{
	/* indexed by descriptor: the mode in which /dev/null is opened */
	static const int flags[] = {O_RDONLY, O_RDONLY, O_WRONLY};

	/* In this order, because open() takes the lowest free number. */
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		/* Otherwise the first socket or database would get number 2, and log lines would be
		 * written into it. */
		if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
			continue;
		if (open("/dev/null", flags[fd]) != fd) /* no O_CLOEXEC: children need them too */
			return PZ_ERR_IO;
	}
	return PZ_OK;
}

void
pz_startup_hide_memory(void)
{
	(void)prctl(PR_SET_DUMPABLE, 0);
}
