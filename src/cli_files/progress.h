/* The bar of `pzp send` on a terminal: how much of all files is there, how fast, how long it takes.
 */
#ifndef PZ_CLI_FILES_PROGRESS_H
#define PZ_CLI_FILES_PROGRESS_H

#include <stdint.h>

#include "cli_files/list.h"

#define PZ_FILES_SAMPLES 10
#define PZ_FILES_LINE_BYTES 1024 /* of the bar, with its NUL */

/** What the bar shows. */
struct pz_files_view {
	double size, sent;   /* bytes of all files */
	double per_s;        /* bytes a second, lately */
	size_t over, count;  /* files */
	const char *name;    /* of one that is sent now, or NULL; cleaned */
	const char *waiting; /* why no bytes go, or NULL; cleaned */
};

struct pz_files_progress {
	const struct pz_cli *cli;
	const struct pz_files_list *list;
	uint64_t drawn_ms; /* monotonic */
	/* the last seconds: how much had moved when; a ring */
	struct {
		uint64_t at_ms;
		double moved;
	} samples[PZ_FILES_SAMPLES];
	size_t first, count;
	bool is_shown; /* the terminal shows a bar */
};

/** @param cli, list borrowed */
void pz_files_progress_init(struct pz_files_progress *progress, const struct pz_cli *cli,
			    const struct pz_files_list *list);
/** Draws the bar, ten times a second at most; nothing without a terminal or with --json. */
void pz_files_progress_draw(struct pz_files_progress *progress);
/** Takes the bar away: a line is to be printed. */
void pz_files_progress_clear(struct pz_files_progress *progress);
/** The text of a bar: what fits into so many columns, the most important parts first; a name or a
 * reason is cut. */
void pz_files_progress_line(const struct pz_files_view *view, size_t columns,
			    char out[PZ_FILES_LINE_BYTES]);
/** Notes that so many bytes have moved in all, and gives the rate of the last seconds. */
double pz_files_progress_rate(struct pz_files_progress *progress, double moved, uint64_t now_ms);
/** "12.3 MB". */
void pz_files_amount(double bytes, char out[32]);
/** Milliseconds of the monotonic clock. */
uint64_t pz_files_now_ms(void);

#endif
