/* Which files `pzp send` sends. */
#ifndef PZ_CLI_FILES_LIST_H
#define PZ_CLI_FILES_LIST_H

#include <jansson.h>

#include "cli/run.h"

/** One file. */
struct pz_files_item {
	char *source;                      /* path here; NULL: standard input, copied to `fd` */
	char *name;                        /* there */
	json_t *path;                      /* array of the directories above it there, or NULL */
	char id[33];                       /* of this sending */
	int fd;                            /* -1: opened when it is its turn */
	json_int_t size, sent, first_sent; /* as last seen; what an earlier try had sent */
	json_int_t moved;                  /* bytes that went in this run */
	char *waiting;                     /* why no bytes go, or NULL */
	enum { PZ_FILES_WAITS, PZ_FILES_RUNS, PZ_FILES_OVER } state;
	bool is_again;    /* the daemon was lost meanwhile */
	bool has_begun;   /* this daemon has said how much is there */
	bool has_problem; /* its request fails for a reason that is the device */
};

/** All of them. */
struct pz_files_list {
	struct pz_files_item *items;
	size_t count, room;
	int status; /* PZ_EXIT_DONE, or that of the first that cannot be sent: it was printed */
};

/**
 * Lists the files that the arguments name, but for the last one, which is the device. What cannot
 * be sent is printed and left out.
 * @param list zeroed. Returns false where nothing is to be sent at all: list->status says why.
 */
bool pz_files_list_make(struct pz_files_list *list, const struct pz_cli *cli);
/** Releases what it holds. */
void pz_files_list_fini(struct pz_files_list *list);

/** How it is called there, with its directories. New, or NULL. */
char *pz_files_label(const struct pz_files_item *item);

/** Opens a file for reading: only a regular one. @return -1: the reason is in info */
int pz_files_open(const char *path, json_int_t *out_size, struct pz_errinfo *info);

#endif
