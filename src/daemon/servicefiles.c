/*
 * Services that are described in files (`pzpd --service`, and a directory of them). A reload
 * compares each file with its offered service: an unchanged file changes nothing, so calls and
 * listeners continue; a faulty file leaves the former service in place, and raises a condition; a
 * removed file withdraws its service.
 */
#include "daemon/servicefiles.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/list.h"
#include "base/log.h"

#define SUFFIX ".json"

/* One file whose service is offered, or which is faulty. */
struct file {
	struct pz_list hook;
	char *path;
	json_t *description; /* of the offered service; NULL: none is offered */
	char *api;
	char id[PZ_SERVICE_ID_CHARS + 1];
	bool is_wanted; /* found by the current loading */
};

struct pz_servicefiles {
	struct pz_servicefiles_config config;
	struct pz_list files;
};

/* The files whose services are to be offered. */
struct wanted {
	char *const *paths;
	size_t count;
	const char *directory;
	struct dirent **entries;
	int entry_count; /* -1: the directory does not exist */
};

/* ---- one file ---- */

static void
file_free(struct file *file)
{
	pz_list_remove(&file->hook);
	json_decref(file->description);
	free(file->api);
	free(file->path);
	free(file);
}

static struct file *
file_find(struct pz_servicefiles *files, const char *path)
{
	PZ_LIST_EACH (&files->files, n, tmp) {
		struct file *file = PZ_CONTAINER(n, struct file, hook);
		if (strcmp(file->path, path) == 0)
			return file;
	}
	return NULL;
}

static struct file *
file_add(struct pz_servicefiles *files, const char *path)
{
	struct file *file = calloc(1, sizeof(*file));

	if (file)
		file->path = strdup(path);
	if (file == NULL || file->path == NULL) {
		free(file);
		return NULL;
	}
	pz_list_append(&files->files, &file->hook);
	return file;
}

/* The registry ends the calls of the service. */
static void
withdraw(struct pz_servicefiles *files, struct file *file)
{
	if (file->api)
		(void)!pz_registry_remove(files->config.registry, file->api, file->id);
	free(PZ_TAKE(file->api));
	json_decref(PZ_TAKE(file->description));
}

static enum pz_err
read_file(const char *path, json_t **out, struct pz_errinfo *info)
{
	FILE *stream = fopen(path, "re");
	json_error_t where;

	if (stream == NULL)
		return pz_fail(info, PZ_ERR_IO, "%s", strerror(errno));
	*out = json_loadf(stream, JSON_REJECT_DUPLICATES, &where);
	fclose(stream);
	if (*out == NULL)
		return pz_fail(info, PZ_ERR_CONFIG, "line %d: %s", where.line, where.text);
	return PZ_OK;
}

/* The new service is created before the old one is removed. */
static enum pz_err
replace(struct pz_servicefiles *files, struct file *file, json_t *description,
	struct pz_errinfo *info)
{
	struct pz_service *service = NULL;

	if (json_equal(description, file->description))
		return PZ_OK;
	if (files->config.processes == NULL)
		return pz_fail(info, PZ_ERR_CONFIG, "commands cannot be run here");
	PZ_TRY(pz_command_service_parse(description, files->config.env, files->config.processes,
					files->config.processes_arg, &service, info));
	withdraw(files, file);
	enum pz_err err = pz_registry_add(files->config.registry, service, info);
	if (err != PZ_OK) {
		pz_service_free(service);
		return err;
	}
	file->api = strdup(service->descriptor.api);
	snprintf(file->id, sizeof(file->id), "%s", service->descriptor.id);
	file->description = json_incref(description);
	pz_notice("service-offered", "path=%s service=%s offered", file->path,
		  service->descriptor.api);
	return PZ_OK;
}

/* is_wanted is set before the file is read, so that a faulty file keeps its former service. */
static void
load_one(struct pz_servicefiles *files, const char *path)
{
	struct pz_errinfo info = {""};
	struct file *file = file_find(files, path);
	json_t *description = NULL;

	if (file == NULL)
		file = file_add(files, path);
	if (file == NULL) {
		pz_error("service-file-failed", "path=%s out of memory", path);
		return;
	}
	file->is_wanted = true;
	enum pz_err err = read_file(path, &description, &info);
	if (err == PZ_OK)
		err = replace(files, file, description, &info);
	json_decref(description);
	if (err == PZ_OK)
		pz_condition_clear(files->config.conditions, PZ_CONDITION_SERVICE_FILE, path);
	else
		pz_condition_raise(files->config.conditions, PZ_CONDITION_SERVICE_FILE, path,
				   "service file %s: %s%s", path, pz_errinfo_text(&info, err),
				   file->api ? " (the service is offered as it was before)" : "");
}

/* ---- all of them ---- */

struct pz_servicefiles *
pz_servicefiles_new(const struct pz_servicefiles_config *config)
{
	struct pz_servicefiles *files = calloc(1, sizeof(*files));

	if (files == NULL)
		return NULL;
	files->config = *config;
	pz_list_init(&files->files);
	return files;
}

void
pz_servicefiles_free(struct pz_servicefiles *files)
{
	if (files == NULL)
		return;
	PZ_LIST_EACH (&files->files, n, tmp)
		file_free(PZ_CONTAINER(n, struct file, hook));
	free(files);
}

/* Hidden files and backup files of editors (x.json~) are not descriptions. */
static int
is_description(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name), suffix_len = strlen(SUFFIX);

	return entry->d_name[0] != '.' && len > suffix_len &&
	       strcmp(entry->d_name + len - suffix_len, SUFFIX) == 0;
}

/* Calls `each` for all wanted paths, in the order in which they are loaded. */
static void
for_each(struct pz_servicefiles *files, const struct wanted *wanted,
	 void (*each)(struct pz_servicefiles *files, const char *path))
{
	for (size_t i = 0; i < wanted->count; i++)
		each(files, wanted->paths[i]);
	for (int i = 0; i < wanted->entry_count; i++) {
		PZ_AUTO_FREE char *path = NULL;
		if (asprintf(&path, "%s/%s", wanted->directory, wanted->entries[i]->d_name) < 0)
			path = NULL;
		else
			each(files, path);
	}
}

static void
mark(struct pz_servicefiles *files, const char *path)
{
	struct file *file = file_find(files, path);

	if (file)
		file->is_wanted = true;
}

static void
drop_unwanted(struct pz_servicefiles *files)
{
	PZ_LIST_EACH (&files->files, n, tmp) {
		struct file *file = PZ_CONTAINER(n, struct file, hook);
		if (file->is_wanted)
			continue;
		if (file->api)
			pz_notice("service-withdrawn", "path=%s service=%s is gone", file->path,
				  file->api);
		pz_condition_clear(files->config.conditions, PZ_CONDITION_SERVICE_FILE, file->path);
		withdraw(files, file);
		file_free(file);
	}
}

void
pz_servicefiles_load(struct pz_servicefiles *files, char *const *paths, size_t count,
		     const char *directory)
{
	PZ_LIST_EACH (&files->files, n, tmp)
		PZ_CONTAINER(n, struct file, hook)->is_wanted = false;
	struct wanted wanted = {.paths = paths, .count = count, .directory = directory};
	if (directory)
		wanted.entry_count = scandir(directory, &wanted.entries, is_description, alphasort);
	for_each(files, &wanted, mark);
	drop_unwanted(files); /* first: a renamed file describes the same service */
	for_each(files, &wanted, load_one);
	for (int i = 0; i < wanted.entry_count; i++)
		free(wanted.entries[i]);
	free(wanted.entries);
}
