/* A directory for one test. */
#ifndef PZ_KIT_DIR_H
#define PZ_KIT_DIR_H

/** A directory, and the path of one file in it, which is not made. */
struct pz_kit_dir {
	char path[64];
	char file[96];
};

/** Makes a fresh directory of mode 0700 below /tmp. @param file name of the one file */
void pz_kit_dir_init(struct pz_kit_dir *dir, const char *file);
/** Removes the directory with all that is in it. */
void pz_kit_dir_fini(struct pz_kit_dir *dir);

#endif
