/*
 * The bar of `pzp send`, and amounts in words. It is drawn over itself on a terminal only; with
 * --json or in a pipe nothing is drawn.
 */
#include "cli_files/progress.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define DRAW_MS 100
#define BAR_MAX 30

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
	progress->started_ms = pz_files_now_ms();
}

struct sums {
	double size, sent, moved; /* bytes; moved: in this run */
	/* Both are needed: `sent` counts what an earlier run had sent and fills the bar; `moved` is
	 * of this run and gives the rate. */
	size_t over;
	const char *name; /* of one that is sent now, or "" */
};

static struct sums
add_up(const struct pz_files_list *list)
{
	struct sums sums = {.name = ""};

	for (size_t i = 0; i < list->count; i++) {
		const struct pz_files_item *item = &list->items[i];
		sums.size += (double)item->size;
		sums.sent += (double)item->sent;
		sums.moved += (double)(item->sent - item->first_sent);
		sums.over += item->state == PZ_FILES_OVER;
		if (item->state == PZ_FILES_RUNS && sums.name[0] == '\0')
			sums.name = item->name;
	}
	return sums;
}

static void
time_left(const struct sums *sums, double per_s, char out[32])
{
	double left = per_s > 0 ? (sums->size - sums->sent) / per_s : -1;

	if (left < 0 || left > 360000)
		snprintf(out, 32, "-:--");
	else if (left >= 3600)
		snprintf(out, 32, "%d:%02d:%02d", (int)left / 3600, (int)left / 60 % 60,
			 (int)left % 60);
	else
		snprintf(out, 32, "%d:%02d", (int)left / 60, (int)left % 60);
}

static void
print_bar(const struct pz_files_progress *progress, const struct sums *sums)
{
	const struct pz_cli *cli = progress->cli;
	/* In the first moments the rate is chance. */
	double seconds = (double)(pz_files_now_ms() - progress->started_ms) / 1000;
	double share = sums->size > 0 ? sums->sent / sums->size : 0;
	double per_s = seconds > 0.2 ? sums->moved / seconds : 0;
	char rate[32], left[32], bar[BAR_MAX + 1], line[256];
	size_t width = cli->width ? cli->width : 80;
	size_t cells = width > 70 ? BAR_MAX : 10;

	pz_files_amount(per_s, rate);
	time_left(sums, per_s, left);
	for (size_t i = 0; i < cells; i++)
		bar[i] = (double)i < share * (double)cells ? '#' : '.';
	bar[cells] = '\0';
	snprintf(line, sizeof(line), "[%s] %3.0f%%  %s/s  %s left  %zu of %zu", bar, share * 100,
		 rate, left, sums->over, progress->list->count);
	fprintf(cli->out, "\r\033[K%.*s", (int)(width - 1), line);
	fflush(cli->out);
}

void
pz_files_progress_draw(struct pz_files_progress *progress)
{
	uint64_t now = pz_files_now_ms();
	const struct sums sums = add_up(progress->list);

	/* More often would cost the terminal more than the file. */
	if (!progress->cli->out_is_tty || progress->cli->json || now - progress->drawn_ms < DRAW_MS)
		return;
	progress->drawn_ms = now;
	progress->is_shown = true;
	print_bar(progress, &sums);
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
