/*
 * Root acts as the owner of a data directory while it works on it, so that the daemon can still use
 * its files. Root keeps its right to read, for archives that the operator names.
 */
#include "store/owner.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Giving up the effective user id 0 clears the effective capabilities, but not the permitted ones.
 */
static int
keep_reading(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) != 0)
		return -1;
	data[0].effective |= UINT32_C(1) << CAP_DAC_READ_SEARCH;
	data[0].effective &= data[0].permitted;
	return (int)syscall(SYS_capset, &header, data);
}

enum pz_err
pz_owner_become(const char *dir, struct pz_owner *out, struct pz_errinfo *info)
{
	struct pz_owner owner = {.gid = getegid()};
	struct stat st;

	*out = (struct pz_owner){.is_other = false};
	/* root creates and owns a directory that does not exist yet */
	if (geteuid() != 0 || stat(dir, &st) != 0 || st.st_uid == 0)
		return PZ_OK;
	owner.is_other = true;
	/* The group first: without user id 0 it cannot be changed. */
	if (setegid(st.st_gid) == 0 && seteuid(st.st_uid) == 0 && keep_reading() == 0) {
		*out = owner;
		return PZ_OK;
	}
	int number = errno;
	pz_owner_return(&owner);
	return pz_fail(info, PZ_ERR_DENIED_PERMISSION,
		       "data directory %s belongs to uid %u, and root cannot act as that user: %s",
		       dir, (unsigned)st.st_uid, strerror(number));
}

void
pz_owner_return(struct pz_owner *owner)
{
	if (!owner->is_other)
		return;
	/* The real user id is still root's, so neither can fail. */
	if (seteuid(0) != 0 || setegid(owner->gid) != 0)
		/* Ending is safer than continuing with unknown rights. */
		_exit(1);
	owner->is_other = false;
}
