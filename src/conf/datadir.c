/*
 * Where a daemon keeps its state if the operator gives no directory: the program's own variable,
 * then systemd's, then XDG's, then the home directory. Nothing is created here.
 */
#include "conf/datadir.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** The variable's value, NULL when it is unset or empty. */
static const char *
variable(const char *name)
{
	const char *value = name != NULL ? getenv(name) : NULL;

	return value != NULL && value[0] != '\0' ? value : NULL;
}

/** $HOME, else the directory in the user database; NULL: neither. */
static const char *
home(void)
{
	const char *dir = variable("HOME");
	const struct passwd *user;

	if (dir != NULL && dir[0] == '/') /* otherwise the state would be in the directory where the
					     program was started */
		return dir;
	user = getpwuid(geteuid());
	return user != NULL && user->pw_dir != NULL && user->pw_dir[0] == '/' ? user->pw_dir : NULL;
}

enum pz_err
pz_data_dir_default(const char *program_env, const char *leaf, struct pz_buf *out)
{
	const char *dir;

	if ((dir = variable(program_env)) != NULL)
		return pz_buf_append_str(out, dir);
	/* systemd.exec(5): several directories are separated by colons; the first is the unit's
	 * own. */
	if ((dir = variable("STATE_DIRECTORY")) != NULL && dir[0] != ':')
		return pz_buf_append(out, pz_slice_of(dir, strcspn(dir, ":")));
	/* XDG Base Directory Specification: a relative path is invalid and ignored. */
	if ((dir = variable("XDG_STATE_HOME")) != NULL && dir[0] == '/')
		return pz_buf_printf(out, "%s/%s", dir, leaf);
	if ((dir = home()) != NULL)
		return pz_buf_printf(out, "%s/.local/state/%s", dir, leaf);
	return PZ_ERR_CONFIG;
}
