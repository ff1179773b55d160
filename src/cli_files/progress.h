/* The bar of `pzp send` on a terminal: how much of all files is there, how fast, how long it takes.
 */
#ifndef PZ_CLI_FILES_PROGRESS_H
#define PZ_CLI_FILES_PROGRESS_H

#include <stdint.h>

#include "cli_files/list.h"

struct pz_files_progress {
	const struct pz_cli *cli;
	const struct pz_files_list *list;
	uint64_t started_ms, drawn_ms; /* monotonic */
	bool is_shown;                 /* the terminal shows a bar */
};

/** @param cli, list borrowed */
void pz_files_progress_init(struct pz_files_progress *progress, const struct pz_cli *cli,
			    const struct pz_files_list *list);
/** Draws the bar, ten times a second at most; nothing without a terminal or with --json. */
void pz_files_progress_draw(struct pz_files_progress *progress);
/** Takes the bar away: a line is to be printed. */
void pz_files_progress_clear(struct pz_files_progress *progress);
/** "12.3 MB". */
void pz_files_amount(double bytes, char out[32]);
/** Milliseconds of the monotonic clock. */
uint64_t pz_files_now_ms(void);

#endif
