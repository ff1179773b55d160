/* pzh export and import: files, passphrases, and the requests to the daemon. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "archive/archive.h"
#include "base/codec.h"
#include "cli/fake_daemon.h"
#include "cli/fake_offline.h"

#define PASSPHRASE "correct horse"
#define EXPORTED "{\"zone\":\"a@b\",\"host\":\"h\",\"devices\":2,\"bytes\":3}"
#define IMPORTED                                                                                   \
	"{\"zone\":\"a@b\",\"host\":\"h\",\"port\":81,\"fingerprint\":\"AB\",\"devices\":2}"

static char file[128], line[400];

/* Runs "COMMAND FILE|MORE" with the passphrase typed. */
static int
type(struct fixture *f, const char *dir, const char *command, const char *more, const char *typed)
{
	snprintf(file, sizeof(file), "%s/x.pz", f->dir);
	snprintf(line, sizeof(line), "%s|%s%s", command, file, more);
	f->in_tty = true;
	f->input = typed;
	return run_in(f, dir, &pz_pzh_program, line);
}

static void
assert_no_file(struct fixture *f)
{
	DIR *dir = opendir(f->dir);
	struct dirent *entry;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) /* neither it nor one of another name */
		assert_null(strstr(entry->d_name, "x.pz"));
	closedir(dir);
}

static void
assert_content(const char *expected)
{
	char text[64] = "";
	struct stat st;
	int fd = open(file, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(read(fd, text, sizeof(text) - 1), strlen(expected));
	assert_string_equal(text, expected);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	close(fd);
}

static void
writes_what_the_hub_gives(void **state)
{
	struct fixture *f = *state;

	f->script = (struct script){.result = EXPORTED, .write = "ABC"};
	assert_int_equal(type(f, f->dir, "export", "|--zone|a@b", PASSPHRASE "\n" PASSPHRASE "\n"),
			 0);
	assert_content("ABC");
	assert_int_equal(strncmp(f->asked, "export {\"head\":\"", 16), 0);
	assert_non_null(strstr(f->asked, "\"zone\":\"a@b\"}"));
	assert_string_equal(f->out, "exported a@b, devices: 2\n");
	assert_string_equal(f->err, "Passphrase of the archive: \nRepeat the passphrase: \n");
	/* It is there now. */
	assert_int_equal(type(f, f->dir, "export", "", PASSPHRASE "\n" PASSPHRASE "\n"), 1);
	assert_non_null(strstr(f->err, "exists already; --force replaces it"));
	assert_string_equal(f->asked, "");
	assert_int_equal(
		type(f, f->dir, "export", "|--force|--json", PASSPHRASE "\n" PASSPHRASE "\n"), 0);
	assert_string_equal(f->out, EXPORTED "\n");
	assert_content("ABC");
	assert_int_equal(unlink(file), 0);
}

static void
leaves_no_half_archive(void **state)
{
	struct fixture *f = *state;

	f->script = (struct script){.fail_exit = 1, .write = "half"};
	assert_int_equal(type(f, f->dir, "export", "", PASSPHRASE "\n" PASSPHRASE "\n"), 1);
	assert_string_equal(strrchr(f->err, ':'), ": the daemon's reason\n");
	assert_no_file(f);
	f->script = (struct script){.interrupt = true, .write = "half"};
	assert_int_equal(type(f, f->dir, "export", "", PASSPHRASE "\n" PASSPHRASE "\n"), 1);
	assert_non_null(strstr(f->err, "interrupted"));
	assert_no_file(f);
	snprintf(line, sizeof(line), "export|%s/none/x", f->dir);
	assert_int_equal(run(f, &pz_pzh_program, line), 1);
	assert_non_null(strstr(f->err, "No such file"));
}

static void
moves_first(void **state)
{
	struct fixture *f = *state;

	f->script.fail_exit = 1;
	assert_int_equal(
		type(f, f->dir, "export", "|--moving-to|[::1]:9", PASSPHRASE "\n" PASSPHRASE "\n"),
		1);
	assert_string_equal(f->asked, "move {\"host\":\"::1\",\"port\":9}");
	assert_no_file(f);
	assert_int_equal(
		type(f, f->dir, "export", "|--moving-to|h", PASSPHRASE "\n" PASSPHRASE "\n"), 1);
	assert_string_equal(f->asked, "move {\"host\":\"h\",\"port\":8041}");
	f->script = (struct script){
		.result = "{\"zone\":\"a@b\",\"moving\":false,\"host\":\"h\",\"port\":81}"};
	assert_int_equal(run(f, &pz_pzh_program, "export|--stay|--zone|a@b"), 0);
	assert_string_equal(f->asked, "move {\"stay\":true,\"zone\":\"a@b\"}");
	assert_string_equal(f->out, "a@b stays at h port 81\n");
}

static void
refuses_passphrases(void **state)
{
	static const struct {
		const char *typed, *reason;
	} cases[] = {
		{"1234567\n1234567\n", "at least 8 characters"},
		{"\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\n", "at least 8 characters"},
		{"\n", "at least 8 characters"},
		{"", "no passphrase was given"},
		{PASSPHRASE "\n", "no passphrase was given"},
		{PASSPHRASE "\ncorrect h0rse\n", "differ"},
		{PASSPHRASE "\ncorrect horses\n", "differ"},
		{"\xff\xff\xff\xff\xff\xff\xff\xff\n", "not UTF-8"},
	};
	struct fixture *f = *state;
	char long_one[PZ_PASSPHRASE_BYTES_MAX + 3];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(type(f, f->dir, "export", "", cases[i].typed), 1);
		assert_non_null(strstr(f->err, cases[i].reason));
		assert_string_equal(f->asked, "");
		assert_no_file(f);
	}
	memset(long_one, 'a', sizeof(long_one));
	long_one[sizeof(long_one) - 2] = '\n';
	long_one[sizeof(long_one) - 1] = '\0';
	assert_int_equal(type(f, f->dir, "export", "", long_one), 1);
	assert_non_null(strstr(f->err, "too long"));
	f->in_tty = false;
	snprintf(line, sizeof(line), "export|%s", file);
	assert_int_equal(run(f, &pz_pzh_program, line), 2);
	assert_non_null(strstr(f->err, "no terminal to ask on: give --passphrase-file"));
	snprintf(line, sizeof(line), "export|%s|--passphrase-file|%s/none", file, f->dir);
	assert_int_equal(run(f, &pz_pzh_program, line), 1);
	assert_non_null(strstr(f->err, "/none: No such file"));
}

static void
takes_passphrases_from_files(void **state)
{
	struct fixture *f = *state;
	char more[200], path[128];
	FILE *out;

	snprintf(path, sizeof(path), "%s/pass", f->dir);
	out = fopen(path, "w");
	fputs(PASSPHRASE "\r\nignored", out);
	fclose(out);
	f->script.result = EXPORTED;
	snprintf(more, sizeof(more), "|--passphrase-file|%s", path);
	assert_int_equal(type(f, f->dir, "export", more, ""), 0);
	assert_string_equal(f->err, "");
	assert_int_equal(unlink(file), 0);
	unlink(path);
	f->in_tty = false; /* without a line end, and only once */
	assert_int_equal(type(f, f->dir, "export", "|--passphrase-file|-", PASSPHRASE), 0);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(type(f, f->dir, "export", "|--passphrase-file|-", "short"), 1);
	assert_non_null(strstr(f->err, "at least 8 characters"));
}

/* ---- import ---- */

static void
write_archive(struct fixture *f, size_t head_bytes, int version)
{
	uint8_t head[PZ_ARCHIVE_HEAD_BYTES + 3];
	struct pz_timers timers = {0};
	struct pz_env env;

	pz_env_system(&env, &timers);
	pz_archive_head_make(&env, head);
	head[9] = (uint8_t)version;
	memcpy(head + PZ_ARCHIVE_HEAD_BYTES, "ABC", 3);
	snprintf(file, sizeof(file), "%s/x.pz", f->dir);
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_int_equal(write(fd, head, head_bytes), head_bytes);
	close(fd);
}

static void
hands_in_what_the_file_has(void **state)
{
	struct fixture *f = *state;

	write_archive(f, PZ_ARCHIVE_HEAD_BYTES + 3, 1);
	f->script.result = IMPORTED;
	assert_int_equal(type(f, f->dir, "import", "|--host|h|--port|81", PASSPHRASE "\n"), 0);
	assert_int_equal(strncmp(f->asked, "import {\"host\":\"h\",\"key\":\"", 26), 0);
	assert_non_null(strstr(f->asked, "\"port\":81}"));
	assert_memory_equal(f->came, "PZ-ZONE", 7); /* from its beginning */
	assert_string_equal(f->out, "zone         a@b\nhost         h\nport         81\n"
				    "fingerprint  AB\ndevices      2\n");
	assert_string_equal(f->err, "Passphrase of the archive: \n");
	assert_int_equal(type(f, f->dir, "import", "|--json", PASSPHRASE "\n"), 0);
	assert_int_equal(strncmp(f->asked, "import {\"key\":\"", 14), 0);
	assert_string_equal(f->out, IMPORTED "\n");
	f->script.fail_exit = 1;
	assert_int_equal(type(f, f->dir, "import", "", PASSPHRASE "\n"), 1);
	assert_int_equal(strncmp(f->asked, "import {\"key\":\"", 14), 0);
	assert_int_equal(unlink(file), 0);
}

static void
refuses_files(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(type(f, f->dir, "import", "", PASSPHRASE "\n"), 1);
	assert_non_null(strstr(f->err, "x.pz: No such file"));
	write_archive(f, 20, 1);
	assert_int_equal(type(f, f->dir, "import", "", PASSPHRASE "\n"), 1);
	assert_non_null(strstr(f->err, "x.pz: the archive is cut short"));
	write_archive(f, 0, 1);
	assert_int_equal(type(f, f->dir, "import", "", PASSPHRASE "\n"), 1);
	assert_non_null(strstr(f->err, "not an archive of a zone"));
	write_archive(f, PZ_ARCHIVE_HEAD_BYTES, 2);
	assert_int_equal(type(f, f->dir, "import", "", PASSPHRASE "\n"), 1);
	assert_non_null(strstr(f->err, "made by a newer pzh"));
	assert_string_equal(f->asked, ""); /* nor is anybody asked for a passphrase */
	assert_null(strstr(f->err, "Passphrase"));
	assert_int_equal(unlink(file), 0);
}

/* ---- without a daemon ---- */

#define AT "/nonexistent 8041: "
#define SECRETS "\"head\":\"*\",\"key\":\"*\""

static void
exports_without_a_daemon(void **state)
{
	struct fixture *f = *state;
	const char *typed = PASSPHRASE "\n" PASSPHRASE "\n";

	assert_int_equal(type(f, "/nonexistent", "export", "|--zone|a@b", typed), 0);
	assert_string_equal(offline_args, AT "export {" SECRETS ",\"zone\":\"a@b\"}");
	assert_content("archive");
	offline_result = PZ_ERR_CRYPTO;
	assert_int_equal(type(f, "/nonexistent", "export", "|--force|--moving-to|h2:82", typed), 1);
	assert_string_equal(offline_args, AT "move {\"host\":\"h2\",\"port\":82}");
	offline_result = PZ_ERR_EXISTS; /* another process has the directory */
	assert_int_equal(type(f, "/nonexistent", "export", "|--force", typed), 1);
	assert_content("archive"); /* the one that was there stays */
	assert_int_equal(unlink(file), 0);
	assert_int_equal(type(f, "/nonexistent", "export", "", typed), 1);
	assert_no_file(f);
	offline_result = PZ_OK;
	assert_int_equal(run_in(f, "/nonexistent", &pz_pzh_program, "export|--stay"), 0);
	assert_string_equal(offline_args, AT "move {\"stay\":true}");
	assert_string_equal(f->out, "a@b stays at h port 81\n");
	assert_int_equal(offline_opens, offline_closes);
}

static void
imports_without_a_daemon(void **state)
{
	struct fixture *f = *state;

	write_archive(f, PZ_ARCHIVE_HEAD_BYTES + 3, 1);
	assert_int_equal(type(f, "/nonexistent", "import", "|--host|h", PASSPHRASE "\n"), 0);
	assert_string_equal(offline_args, AT "import {\"host\":\"h\",\"key\":\"*\"} +43");
	assert_int_equal(type(f, "/nonexistent", "import", "|--port|9", PASSPHRASE "\n"), 0);
	assert_string_equal(offline_args, AT "import {\"key\":\"*\",\"port\":9} +43");
	offline_result = PZ_ERR_CRYPTO;
	assert_int_equal(type(f, "/nonexistent", "import", "", PASSPHRASE "\n"), 1);
	assert_string_equal(strstr(f->err, "pzh: "), "pzh: no luck\n");
	offline_result = PZ_OK;
	assert_int_equal(unlink(file), 0);
	assert_int_equal(offline_opens, offline_closes);
}

/* What is no regular file reaches the hub as one. */
static void
imports_from_a_pipe(void **state)
{
	struct fixture *f = *state;
	uint8_t archive[PZ_ARCHIVE_HEAD_BYTES + 3];
	int pipe_fds[2];

	write_archive(f, sizeof(archive), 1);
	int fd = open(file, O_RDONLY);
	assert_int_equal(read(fd, archive, sizeof(archive)), sizeof(archive));
	close(fd);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(pipe(pipe_fds), 0);
	assert_int_equal(write(pipe_fds[1], archive, sizeof(archive)), sizeof(archive));
	close(pipe_fds[1]);
	f->in_tty = true;
	f->input = PASSPHRASE "\n";
	f->script.result = IMPORTED;
	snprintf(line, sizeof(line), "import|/proc/self/fd/%d", pipe_fds[0]);
	assert_int_equal(run(f, &pz_pzh_program, line), 0);
	assert_memory_equal(f->came, archive, 7);
	close(pipe_fds[0]);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		T(writes_what_the_hub_gives),
		T(leaves_no_half_archive),
		T(moves_first),
		T(refuses_passphrases),
		T(takes_passphrases_from_files),
		T(hands_in_what_the_file_has),
		T(refuses_files),
		T(exports_without_a_daemon),
		T(imports_without_a_daemon),
		T(imports_from_a_pipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
