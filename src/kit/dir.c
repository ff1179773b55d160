#include "kit/dir.h"

#include <ftw.h>

#include "kit/check.h"

void
pz_kit_dir_init(struct pz_kit_dir *dir, const char *file)
{
	snprintf(dir->path, sizeof(dir->path), "/tmp/pz-test-XXXXXX");
	PZ_KIT_CHECK(mkdtemp(dir->path) != NULL);
	snprintf(dir->file, sizeof(dir->file), "%s/%s", dir->path, file);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void
pz_kit_dir_fini(struct pz_kit_dir *dir)
{
	PZ_KIT_CHECK(nftw(dir->path, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0);
}
