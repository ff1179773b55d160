#include "disk.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../sim/rng.h"

#define FILES_MAX 8
#define SECTOR 512

struct image {
	uint8_t *bytes;
	size_t len;
};

struct change {
	uint64_t at; /* offset, or the new size */
	uint8_t *bytes;
	size_t len;
	bool is_truncation;
};

struct disk_file {
	char path[128];
	struct image durable; /* contents at the last sync */
	struct change *changes;
	size_t count, cap;
	bool is_named; /* the directory on the disk has this file */
	/* Another file that was deleted, and whose name the directory on the disk may still have.
	 */
	struct image ghost;
	bool has_ghost;
	bool is_deleted;
};

static struct disk_file files[FILES_MAX];
static size_t file_count;

static void *
must(void *memory)
{
	if (memory == NULL)
		abort();
	return memory;
}

static struct image
read_image(const char *path)
{
	struct image image = {NULL, 0};
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return image;
	if (fstat(fd, &st) != 0)
		abort();
	image.len = (size_t)st.st_size;
	image.bytes = must(malloc(image.len + 1));
	if (pread(fd, image.bytes, image.len, 0) != (ssize_t)image.len)
		abort();
	close(fd);
	return image;
}

static void
free_image(struct image *image)
{
	free(image->bytes);
	*image = (struct image){NULL, 0};
}

static void
forget_changes(struct disk_file *file)
{
	for (size_t i = 0; i < file->count; i++)
		free(file->changes[i].bytes);
	file->count = 0;
}

static struct disk_file *
find(const char *path)
{
	for (size_t i = 0; i < file_count; i++)
		if (strcmp(files[i].path, path) == 0)
			return &files[i];
	return NULL;
}

struct disk_file *
disk_open(const char *path, bool is_new)
{
	struct disk_file *file = find(path);

	if (file == NULL) {
		if (file_count == FILES_MAX || strlen(path) >= sizeof(file->path))
			abort();
		file = &files[file_count++];
		snprintf(file->path, sizeof(file->path), "%s", path);
		file->is_named = !is_new;
		file->durable = read_image(path);
	}
	file->is_deleted = false;
	return file;
}

static void
add(struct disk_file *file, struct change change)
{
	if (file->count == file->cap) {
		file->cap = file->cap ? 2 * file->cap : 16;
		file->changes =
			must(reallocarray(file->changes, file->cap, sizeof(*file->changes)));
	}
	file->changes[file->count++] = change;
}

void
disk_written(struct disk_file *file, const void *bytes, size_t len, uint64_t at)
{
	struct change change = {.at = at, .len = len};

	if (file == NULL)
		return;
	change.bytes = must(malloc(len));
	memcpy(change.bytes, bytes, len);
	add(file, change);
}

void
disk_truncated(struct disk_file *file, uint64_t size)
{
	if (file)
		add(file, (struct change){.at = size, .is_truncation = true});
}

/* All of them are in one. */
static void
sync_directory(void)
{
	for (size_t i = 0; i < file_count; i++) {
		files[i].is_named = !files[i].is_deleted;
		free_image(&files[i].ghost);
		files[i].has_ghost = false;
	}
}

void
disk_synced(struct disk_file *file)
{
	if (file == NULL)
		return;
	free_image(&file->durable);
	file->durable = read_image(file->path);
	forget_changes(file);
	if (!file->is_named)
		sync_directory();
}

void
disk_deleted(const char *path, bool is_durable)
{
	struct disk_file *file = find(path);

	if (file == NULL)
		return;
	if (file->is_named && !is_durable) {
		free_image(&file->ghost);
		file->ghost = file->durable;
		file->durable = (struct image){NULL, 0};
		file->has_ghost = true;
	}
	free_image(&file->durable);
	forget_changes(file);
	file->is_named = false;
	file->is_deleted = true;
	if (is_durable)
		sync_directory();
}

/* ---- the power fails ---- */

static void
write_image(const char *path, const struct image *image)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || pwrite(fd, image->bytes, image->len, 0) != (ssize_t)image->len)
		abort();
	close(fd);
}

static void
set_size(struct image *image, size_t len)
{
	image->bytes = must(realloc(image->bytes, len + 1));
	if (len > image->len)
		memset(image->bytes + image->len, 0, len - image->len);
	image->len = len;
}

static void
apply_sectors(struct image *image, const struct change *change, unsigned kept, struct rng *rng)
{
	size_t done = 0;

	while (done < change->len) {
		size_t at = (size_t)change->at + done, part = SECTOR - at % SECTOR;

		if (part > change->len - done)
			part = change->len - done;
		if (rng_chance(rng, kept)) {
			if (at + part > image->len)
				set_size(image, at + part);
			memcpy(image->bytes + at, change->bytes + done, part);
		}
		done += part;
	}
}

static void
lose(struct disk_file *file, unsigned kept, struct rng *rng)
{
	if (!file->is_named && (file->is_deleted || rng_chance(rng, 50))) {
		if (file->has_ghost && rng_chance(rng, 50))
			write_image(file->path, &file->ghost);
		else
			(void)unlink(file->path);
		return;
	}
	for (size_t i = 0; i < file->count; i++) {
		const struct change *change = &file->changes[i];

		if (!change->is_truncation)
			apply_sectors(&file->durable, change, kept, rng);
		else if (rng_chance(rng, kept))
			set_size(&file->durable, (size_t)change->at);
	}
	write_image(file->path, &file->durable);
}

/* Nothing of it is ever synced. */
static void
scramble_shm(const char *database, struct rng *rng)
{
	struct image image;
	char path[160];

	snprintf(path, sizeof(path), "%s-shm", database);
	image = read_image(path);
	for (size_t i = 0; i < image.len; i += 64)
		if (rng_chance(rng, 30))
			rng_fill(rng, image.bytes + i, 64 < image.len - i ? 64 : image.len - i);
	if (rng_chance(rng, 30))
		(void)unlink(path);
	else if (image.bytes)
		write_image(path, &image);
	free_image(&image);
}

void
disk_lose_power(uint64_t seed)
{
	static const unsigned kept[] = {0, 10, 50, 90, 100};
	struct rng rng = {seed};

	for (size_t i = 0; i < file_count; i++) {
		size_t len = strlen(files[i].path);

		lose(&files[i], kept[rng_below(&rng, sizeof(kept) / sizeof(kept[0]))], &rng);
		if (len < 4 || strcmp(files[i].path + len - 4, "-wal") != 0)
			scramble_shm(files[i].path, &rng);
	}
}
