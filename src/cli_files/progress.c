/*
 * The bar of `pzp send`, and amounts as text. It is redrawn in place, only on a terminal; with
 * --json or in a pipe nothing is drawn.
 */
#include "cli_files/progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "base/auto.h"
#include "cli/text.h"

#define DRAW_MS 100
#define SAMPLE_MS 500
#define BAR_MAX 30
#define BAR_COLUMNS 24 /* a narrower terminal shows only the numbers */
#define CUT_MIN 8      /* columns; a shorter name or reason would be useless */

uint64_t
pz_files_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void
pz_files_amount(double bytes, char out[32])
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
	size_t i = 0;

	while (bytes >= 1000 && i + 1 < sizeof(units) / sizeof(units[0])) {
		bytes /= 1000;
		i++;
	}
	snprintf(out, 32, i == 0 || bytes >= 100 ? "%.0f %s" : "%.1f %s", bytes, units[i]);
}

void
pz_files_progress_init(struct pz_files_progress *progress, const struct pz_cli *cli,
		       const struct pz_files_list *list)
{
	*progress = (struct pz_files_progress){.cli = cli, .list = list};
	(void)pz_files_progress_rate(progress, 0, pz_files_now_ms());
}

/* ---- how fast ---- */

/* The rate of the last seconds only: otherwise a device that was awaited for an hour would look
 * slow all day. */
double
pz_files_progress_rate(struct pz_files_progress *progress, double moved, uint64_t now_ms)
{
	size_t last = (progress->first + progress->count - 1) % PZ_FILES_SAMPLES;

	/* The first bytes after a pause: the samples before them say nothing about the present
	 * rate. */
	if (progress->count > 1 && moved > progress->samples[last].moved &&
	    progress->samples[last].moved <= progress->samples[progress->first].moved) {
		progress->first = last;
		progress->count = 1;
	}
	if (progress->count == 0 || now_ms - progress->samples[last].at_ms >= SAMPLE_MS) {
		if (progress->count == PZ_FILES_SAMPLES)
			progress->first = (progress->first + 1) % PZ_FILES_SAMPLES;
		else
			progress->count++;
		last = (progress->first + progress->count - 1) % PZ_FILES_SAMPLES;
		progress->samples[last].at_ms = now_ms;
		progress->samples[last].moved = moved;
	}
	double ms = (double)(now_ms - progress->samples[progress->first].at_ms);
	/* In the first moments the rate is random. */
	return ms > 200 ? (moved - progress->samples[progress->first].moved) * 1000 / ms : 0;
}

static void
time_left(const struct pz_files_view *view, char out[32])
{
	double left = view->per_s > 0 ? (view->size - view->sent) / view->per_s : -1;

	if (left < 0 || left > 360000)
		snprintf(out, 32, "-:--");
	else if (left >= 3600)
		snprintf(out, 32, "%d:%02d:%02d", (int)left / 3600, (int)left / 60 % 60,
			 (int)left % 60);
	else
		snprintf(out, 32, "%d:%02d", (int)left / 60, (int)left % 60);
}

/* ---- the line ---- */

struct line {
	char *out;
	size_t len, left; /* bytes; columns */
};

/* Adds a part if all of it fits. */
static void
add(struct line *line, const char *part)
{
	size_t width = pz_cli_width(part), len = strlen(part);

	if (width > line->left || line->len + len >= PZ_FILES_LINE_BYTES) {
		line->left = 0; /* a later part would be misread in its place */
		return;
	}
	memcpy(line->out + line->len, part, len + 1);
	line->len += len;
	line->left -= width;
}

/* Adds as much of a text as fits, with a mark where it is cut. */
static void
add_cut(struct line *line, const char *text)
{
	char part[PZ_FILES_LINE_BYTES];
	size_t width, len = strlen(text);

	if (pz_cli_width(text) + 2 > line->left)
		len = line->left > CUT_MIN ? pz_cli_prefix(text, line->left - 3, &width) : 0;
	if (len == 0 || len >= sizeof(part) - 4)
		return;
	snprintf(part, sizeof(part), "  %.*s%s", (int)len, text, text[len] ? "~" : "");
	add(line, part);
}

static void
add_bar(struct line *line, double share, size_t columns)
{
	char bar[BAR_MAX + 4];
	size_t cells = columns > 70 ? BAR_MAX : 10;

	if (columns < BAR_COLUMNS)
		return;
	bar[0] = '[';
	for (size_t i = 0; i < cells; i++)
		bar[1 + i] = (double)i < share * (double)cells ? '#' : '.';
	snprintf(bar + 1 + cells, 3, "] ");
	add(line, bar);
}

void
pz_files_progress_line(const struct pz_files_view *view, size_t columns,
		       char out[PZ_FILES_LINE_BYTES])
{
	struct line line = {out, 0, columns};
	double share = view->size > 0 ? view->sent / view->size : 0;
	char amount[32], part[48];

	out[0] = '\0';
	add_bar(&line, share, columns);
	snprintf(part, sizeof(part), "%3.0f%%", share * 100);
	add(&line, part);
	if (view->waiting) {
		add_cut(&line, view->waiting);
		return;
	}
	pz_files_amount(view->per_s, amount);
	snprintf(part, sizeof(part), "  %s/s", amount);
	add(&line, part);
	time_left(view, amount);
	snprintf(part, sizeof(part), "  %s left", amount);
	add(&line, part);
	if (view->count > 1) {
		snprintf(part, sizeof(part), "  %zu of %zu", view->over, view->count);
		add(&line, part);
	}
	if (view->name)
		add_cut(&line, view->name);
}

/* ---- all files ---- */

/* `sent` includes what an earlier run has sent, and fills the bar; `moved` is of this run, and
 * gives the rate. @param out_moved bytes */
static struct pz_files_view
add_up(const struct pz_files_list *list, double *out_moved)
{
	struct pz_files_view view = {.count = list->count};
	bool is_moving = false;

	*out_moved = 0;
	for (size_t i = 0; i < list->count; i++) {
		const struct pz_files_item *item = &list->items[i];
		view.size += (double)item->size;
		view.sent += (double)item->sent;
		*out_moved += (double)item->moved;
		view.over += item->state == PZ_FILES_OVER;
		bool has_lost_daemon = item->state == PZ_FILES_WAITS && item->is_again;
		if (item->state != PZ_FILES_RUNS && !has_lost_daemon)
			continue;
		is_moving |= item->waiting == NULL;
		if (view.name == NULL)
			view.name = item->name;
		if (view.waiting == NULL)
			view.waiting = item->waiting;
	}
	if (is_moving)
		view.waiting = NULL;
	return view;
}

/* Read each time, because the person may resize the window. */
static size_t
columns_of(const struct pz_cli *cli)
{
	struct winsize size;

	if (ioctl(fileno(cli->out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return cli->width ? cli->width : 80;
}

void
pz_files_progress_draw(struct pz_files_progress *progress)
{
	const struct pz_cli *cli = progress->cli;
	uint64_t now = pz_files_now_ms();
	char line[PZ_FILES_LINE_BYTES];
	double moved;

	/* Drawing more often would cost the terminal more than the file. */
	if (!cli->out_is_tty || cli->json || now - progress->drawn_ms < DRAW_MS)
		return;
	struct pz_files_view view = add_up(progress->list, &moved);
	PZ_AUTO_FREE char *name = view.name ? pz_cli_clean(view.name, false) : NULL;
	view.name = name;
	view.per_s = pz_files_progress_rate(progress, moved, now);
	pz_files_progress_line(&view, columns_of(cli) - 1, line);
	progress->drawn_ms = now;
	progress->is_shown = true;
	fprintf(cli->out, "\r\033[K%s", line);
	fflush(cli->out);
}

void
pz_files_progress_clear(struct pz_files_progress *progress)
{
	if (!progress->is_shown)
		return;
	progress->is_shown = false;
	fputs("\r\033[K", progress->cli->out);
	fflush(progress->cli->out);
}
