/*
 * Target function: pz_settings_load with a configuration file (in memory: nothing touches a disk).
 * Input: byte 0: which daemon; the rest: the file.
 * Must hold: what is accepted is within the table's limits; what is refused is explained in one
 * line and changes nothing.
 */
#include "fuzz.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/limits.h"
#include "conf/settings.h"

static int file = -1;
static char path[64];

static void
check(enum pz_program program, const struct pz_settings *s)
{
	enum pz_log_level level;

	FUZZ_CHECK(s->data_dir && s->data_dir[0] == '/' && s->control_socket);
	FUZZ_CHECK(s->control_socket[0] == '/' && strlen(s->control_socket) < 108);
	FUZZ_CHECK(s->config_file && strcmp(s->config_file, path) == 0);
	FUZZ_CHECK(pz_log_level_parse(s->log_level, &level) == PZ_OK);
	FUZZ_CHECK(s->limit_queue_low < s->limit_queue_high);
	FUZZ_CHECK(s->limit_frame > 0 && s->limit_frame <= PZ_FRAME_BYTES_MAX);
	FUZZ_CHECK(s->call_timeout > 0 && s->keepalive > 0);
	FUZZ_CHECK(!s->show_help && !s->show_version);
	for (size_t i = 0; i < s->service_count; i++)
		FUZZ_CHECK(program == PZ_PROGRAM_PZPD && s->services[i][0] == '/');
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_start();
	setenv("HOME", "/nonexistent", 1);
	file = memfd_create("settings", MFD_CLOEXEC);
	FUZZ_CHECK(file >= 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum pz_program program = size && data[0] % 2 ? PZ_PROGRAM_PZHD : PZ_PROGRAM_PZPD;
	char name[] = "program", option[] = "--config";
	char *argv[] = {name, option, path, NULL};
	struct pz_settings s = {.port = 4711};
	struct pz_errinfo info = {""};

	FUZZ_CHECK(ftruncate(file, 0) == 0 && lseek(file, 0, SEEK_SET) == 0);
	for (size_t at = 1; at < size;) {
		ssize_t n = write(file, data + at, size - at);
		FUZZ_CHECK(n > 0);
		at += (size_t)n;
	}
	enum pz_err err = pz_settings_load(program, 3, argv, &s, &info);
	fuzz_check_info(err, &info);
	if (err == PZ_OK) {
		check(program, &s);
		pz_settings_free(&s);
	} else {
		FUZZ_CHECK(info.text[0] != '\0' && s.port == 4711 && s.data_dir == NULL);
	}
	return 0;
}
