/* @spec page 14 KEY-1, KEY-2 */
#include "kit/dir.h"
#include "x509/fixture.h"
#include "x509/keydir.h"
#include "x509/keystore.h"

#include <dirent.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* A fresh directory for each test; the store is in <base>/keys. */
static struct pz_kit_dir base;
static char dir[128];

static int
setup(void **state)
{
	(void)state;
	pz_kit_dir_init(&base, "keys");
	snprintf(dir, sizeof(dir), "%s", base.file);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	pz_kit_dir_fini(&base);
	return 0;
}

/* Of a key that the store has made. */
static const char *
path_of(const char *uri)
{
	static char path[PZ_KEY_URI_MAX + sizeof(dir)];

	snprintf(path, sizeof(path), "%s/%s", dir, uri + strlen("keys:"));
	return path;
}

static struct pz_keystore *
open_store(void)
{
	struct pz_keystore *ks = NULL;

	assert_ok(pz_keystore_open_dir(dir, &ks, NULL));
	return ks;
}

static void
assert_refused(enum pz_err expected, const char *word)
{
	struct pz_keystore *ks = NULL;
	struct pz_errinfo info = {""};

	assert_int_equal(pz_keystore_open_dir(dir, &ks, &info), expected);
	assert_null(ks);
	assert_non_null(strstr(info.text, word));
}

static void
write_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static size_t
count_files(void)
{
	DIR *d = opendir(dir);
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2; /* . and .. */
}

static void
assert_same_key(const struct pz_key *a, const struct pz_key *b)
{
	assert_int_equal(EVP_PKEY_eq(pz_key_evp(a), pz_key_evp(b)), 1);
}

static void
test_create_and_load(void **state)
{
	struct pz_keystore *ks = open_store();
	struct pz_key *made = NULL, *loaded = NULL;
	char uri[PZ_KEY_URI_MAX];
	struct stat st;

	(void)state;
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_ok(pz_keystore_create(ks, NULL, uri, &made, NULL));
	assert_memory_equal(uri, "keys:", 5);
	assert_null(strchr(uri, '/')); /* the directory may be moved */
	assert_int_equal(stat(path_of(uri), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(count_files(), 1);
	pz_keystore_free(ks);

	ks = open_store(); /* a later start */
	assert_ok(pz_keystore_load(ks, uri, &loaded, NULL));
	assert_same_key(made, loaded);
	pz_key_free(loaded);
	loaded = NULL;
	assert_ok(pz_keystore_load(ks, path_of(uri), &loaded, NULL)); /* a bare path */
	assert_same_key(made, loaded);
	assert_int_equal(ERR_peek_error(), 0);
	pz_key_free(loaded);
	pz_key_free(made);
	pz_keystore_free(ks);
}

/* One that was made elsewhere is kept like our own. */
static void
test_add(void **state)
{
	struct pz_keystore *ks = open_store(), *memory = pz_keystore_new_memory();
	struct pz_key *made = NULL, *loaded = NULL, *weak = NULL;
	EVP_PKEY *rsa1024 = EVP_RSA_gen(1024);
	char uri[PZ_KEY_URI_MAX] = "";
	struct stat st;

	(void)state;
	assert_non_null(memory);
	assert_non_null(rsa1024);
	weak = pz_key_wrap(rsa1024);
	assert_ok(pz_key_generate("ec-p384", &made, NULL));
	assert_int_equal(pz_keystore_add(ks, weak, uri, NULL), PZ_ERR_DENIED_WEAK);
	assert_int_equal(count_files(), 0);
	assert_ok(pz_keystore_add(ks, made, uri, NULL));
	assert_int_equal(stat(path_of(uri), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_ok(pz_keystore_load(ks, uri, &loaded, NULL));
	assert_same_key(made, loaded);
	pz_key_free(loaded);
	assert_ok(pz_keystore_sweep(ks, NULL, 0)); /* it is ours like any other */
	assert_int_equal(count_files(), 0);
	assert_ok(pz_keystore_add(memory, made, uri, NULL));
	assert_ok(pz_keystore_load(memory, uri, &loaded, NULL));
	assert_same_key(made, loaded);
	pz_key_free(loaded);
	pz_key_free(made);
	pz_key_free(weak);
	EVP_PKEY_free(rsa1024);
	pz_keystore_free(ks);
	pz_keystore_free(memory);
}

static void
test_every_type_survives(void **state)
{
	static const char *const types[] = {"ec-p256", "ec-p384", "rsa3072", "rsa4096"};
	struct pz_keystore *ks = open_store();

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct pz_key *made = NULL, *loaded = NULL;
		char uri[PZ_KEY_URI_MAX];
		assert_ok(pz_keystore_create(ks, types[i], uri, &made, NULL));
		assert_ok(pz_keystore_load(ks, uri, &loaded, NULL));
		assert_same_key(made, loaded);
		pz_key_free(loaded);
		pz_key_free(made);
	}
	assert_int_equal(pz_keystore_create(ks, "dsa", (char[PZ_KEY_URI_MAX]){0}, NULL, NULL),
			 PZ_ERR_CONFIG);
	assert_int_equal(count_files(), 4);
	pz_keystore_free(ks);
}

/* Every way to write the same file, and what is neither a URI nor an absolute path. */
static void
test_uri_forms(void **state)
{
	static const struct {
		const char *head; /* the path follows */
		bool ok;
	} rows[] = {
		{"file:", true},   {"file://", true}, {"file://localhost", true},
		{"FILE:", true},   {"", true},        {"file://other", false},
		{"file:/", false}, /* "//tmp/...": the host tmp */
		{"/", false},      {"key", false},    {"file:key", false},
	};
	struct pz_keystore *ks = open_store();
	struct pz_key *made = NULL;
	char uri[PZ_KEY_URI_MAX], form[PZ_KEY_URI_MAX + 32];

	(void)state;
	assert_ok(pz_keystore_create(ks, NULL, uri, &made, NULL));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pz_key *key = NULL;
		snprintf(form, sizeof(form), "%s%s", rows[i].head, path_of(uri));
		assert_int_equal(pz_keystore_load(ks, form, &key, NULL),
				 rows[i].ok ? PZ_OK : PZ_ERR_CONFIG);
		if (rows[i].ok)
			assert_same_key(made, key);
		pz_key_free(key);
	}
	pz_key_free(made);
	pz_keystore_free(ks);
}

/* No provider, no key: an error, not a prompt and not a crash. */
static void
test_other_schemes(void **state)
{
	struct pz_keystore *ks = open_store();
	struct pz_errinfo info = {""};
	struct pz_key *key = NULL;

	(void)state;
	assert_int_equal(pz_keystore_load(ks, "pkcs11:object=none?pin-value=1234", &key, &info),
			 PZ_ERR_CRYPTO);
	assert_non_null(strstr(info.text, "pkcs11:object=none"));
	assert_null(strstr(info.text, "1234"));
	assert_int_equal(ERR_peek_error(), 0);
	assert_int_equal(pz_keystore_load(ks, "mem:1", &key, NULL), PZ_ERR_NOTFOUND);
	assert_null(key);
	pz_keystore_free(ks);
}

/* OpenSSL would read such a file without any check of its mode. */
/* Another home, another user, from a user's service to the system's: the store goes along. */
static void
test_directory_that_was_moved(void **state)
{
	struct pz_keystore *ks = open_store();
	struct pz_key *key = NULL;
	char uri[PZ_KEY_URI_MAX], old_uri[PZ_KEY_URI_MAX + 8], old_dir[sizeof(dir)];

	(void)state;
	assert_ok(pz_keystore_create(ks, NULL, uri, NULL, NULL));
	/* as an older version has stored it */
	snprintf(old_uri, sizeof(old_uri), "file:%s", path_of(uri));
	assert_ok(pz_keystore_load(ks, old_uri, &key, NULL));
	pz_key_free(PZ_TAKE(key));
	pz_keystore_free(ks);
	memcpy(old_dir, dir, sizeof(dir));
	snprintf(dir, sizeof(dir), "%s/moved", base.path);
	assert_int_equal(rename(old_dir, dir), 0);
	ks = open_store();
	assert_ok(pz_keystore_load(ks, uri, &key, NULL));
	pz_key_free(PZ_TAKE(key));
	assert_ok(pz_keystore_load(ks, old_uri, &key, NULL));
	pz_key_free(PZ_TAKE(key));
	const char *keep[] = {old_uri};
	assert_ok(pz_keystore_sweep(ks, keep, 1));
	assert_ok(pz_keystore_load(ks, uri, &key, NULL));
	pz_key_free(key);
	assert_ok(pz_keystore_remove(ks, old_uri));
	assert_int_equal(pz_keystore_load(ks, uri, &key, NULL), PZ_ERR_NOTFOUND);
	assert_int_equal(pz_keystore_load(ks, old_uri, &key, NULL), PZ_ERR_NOTFOUND);
	pz_keystore_free(ks);
}

static void
test_uri_that_is_a_relative_file(void **state)
{
	struct pz_keystore *ks = open_store();
	struct pz_key *key = NULL;
	int old = open(".", O_RDONLY | O_DIRECTORY);

	(void)state;
	assert_int_equal(chdir(base.path), 0);
	write_file("pkcs11:object=x", "", 0644);
	assert_int_equal(pz_keystore_load(ks, "pkcs11:object=x", &key, NULL), PZ_ERR_CONFIG);
	assert_int_equal(fchdir(old), 0);
	close(old);
	pz_keystore_free(ks);
}

static void
test_load_refusals(void **state)
{
	struct pz_keystore *ks = open_store();
	struct pz_key *weak = fix_key_wrap(EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024));
	struct pz_errinfo info = {""};
	struct pz_key *key = NULL;
	char path[256];
	struct pz_buf pem;

	(void)state;
	snprintf(path, sizeof(path), "%s/other.pem", base.path);
	assert_int_equal(pz_keystore_load(ks, path, &key, &info), PZ_ERR_NOTFOUND);
	write_file(path, "no key at all\n", 0600);
	assert_int_equal(pz_keystore_load(ks, path, &key, &info), PZ_ERR_CRYPTO);
	assert_int_equal(pz_keystore_load(ks, base.path, &key, &info), PZ_ERR_DENIED_PERMISSION);
	pz_buf_init(&pem, PZ_KEY_PEM_BYTES_MAX, NULL);
	assert_ok(pz_key_to_pem(weak, &pem));
	assert_ok(pz_buf_append(&pem, pz_slice_of("", 1)));
	write_file(path, (const char *)pz_buf_slice(&pem).ptr, 0600);
	assert_int_equal(pz_keystore_load(ks, path, &key, &info), PZ_ERR_DENIED_WEAK);
	write_file(path, (const char *)pz_buf_slice(&pem).ptr, 0640);
	assert_int_equal(pz_keystore_load(ks, path, &key, &info), PZ_ERR_DENIED_PERMISSION);
	assert_non_null(strstr(info.text, "chmod 600"));
	assert_null(key);
	assert_int_equal(ERR_peek_error(), 0);
	pz_buf_wipe(&pem);
	pz_key_free(weak);
	pz_keystore_free(ks);
}

/* An encrypted key asks for a password, and there is no terminal. */
static void
test_encrypted_key_does_not_prompt(void **state)
{
	struct pz_keystore *ks = open_store();
	struct pz_key *key = fix_key(), *out = NULL;
	char path[256];
	FILE *f;

	(void)state;
	snprintf(path, sizeof(path), "%s/enc.pem", base.path);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(PEM_write_PKCS8PrivateKey(f, pz_key_evp(key), EVP_aes_128_cbc(), "secret", 6,
					      NULL, NULL));
	fclose(f);
	chmod(path, 0600);
	assert_int_equal(pz_keystore_load(ks, path, &out, NULL), PZ_ERR_CRYPTO);
	assert_null(out);
	pz_key_free(key);
	pz_keystore_free(ks);
}

static void
test_open_directory_is_refused(void **state)
{
	static const mode_t modes[] = {0755, 0750, 0710, 0701, 0770, 0704};

	(void)state;
	pz_keystore_free(open_store());
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(chmod(dir, modes[i]), 0);
		assert_refused(PZ_ERR_DENIED_PERMISSION, "run: chmod 700 ");
		assert_refused(PZ_ERR_DENIED_PERMISSION, dir);
	}
	assert_int_equal(chmod(dir, 0700), 0);
	pz_keystore_free(open_store());
}

static void
test_open_key_file_is_refused(void **state)
{
	static const mode_t modes[] = {0640, 0604, 0660, 0644, 0610};
	struct pz_keystore *ks = open_store();
	struct pz_errinfo info = {""};
	char uri[PZ_KEY_URI_MAX], word[PZ_KEY_URI_MAX + 32];
	struct pz_key *key = NULL;

	(void)state;
	assert_ok(pz_keystore_create(ks, NULL, uri, NULL, NULL));
	snprintf(word, sizeof(word), "run: chmod 600 %s", path_of(uri));
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(chmod(path_of(uri), modes[i]), 0);
		assert_refused(PZ_ERR_DENIED_PERMISSION, word);
		assert_int_equal(pz_keystore_load(ks, uri, &key, &info), PZ_ERR_DENIED_PERMISSION);
		assert_non_null(strstr(info.text, word));
	}
	assert_int_equal(chmod(path_of(uri), 0400), 0);
	assert_ok(pz_keystore_load(ks, uri, &key, NULL));
	pz_key_free(key);
	pz_keystore_free(ks);
}

static void
test_foreign_owner_is_refused(void **state)
{
	struct pz_keystore *ks;
	char uri[PZ_KEY_URI_MAX];

	(void)state;
	if (geteuid() != 0)
		skip(); /* only root can give files away */
	ks = open_store();
	assert_ok(pz_keystore_create(ks, NULL, uri, NULL, NULL));
	pz_keystore_free(ks);
	assert_int_equal(chown(path_of(uri), 12345, 12345), 0);
	assert_refused(PZ_ERR_DENIED_PERMISSION, "belongs to another user");
	assert_int_equal(chown(path_of(uri), 0, 0), 0);
	assert_int_equal(chown(dir, 12345, 12345), 0);
	assert_refused(PZ_ERR_DENIED_PERMISSION, "run: chown 0 ");
}

static void
test_open_refusals(void **state)
{
	struct pz_keystore *ks = NULL;
	char deep[256];

	(void)state;
	write_file(dir, "a file", 0600);
	assert_refused(PZ_ERR_CONFIG, "not a directory");
	unlink(dir);
	snprintf(deep, sizeof(deep), "%s/a/b", base.path);
	assert_int_equal(pz_keystore_open_dir(deep, &ks, NULL), PZ_ERR_IO);
	/* A path that leaves no room for a URI. */
	assert_int_equal(chdir(base.path), 0);
	for (int i = 0; i < 3; i++) {
		char name[161];
		memset(name, 'n', sizeof(name) - 1);
		name[sizeof(name) - 1] = '\0';
		assert_int_equal(mkdir(name, 0700), 0);
		assert_int_equal(chdir(name), 0);
	}
	assert_int_equal(pz_keystore_open_dir(".", &ks, NULL), PZ_ERR_CONFIG);
	assert_int_equal(chdir("/"), 0);
	assert_null(ks);
}

/* A crash between writing and renaming leaves a temporary file; other people's files stay. */
static void
test_leftovers_are_removed(void **state)
{
	char path[256];

	(void)state;
	pz_keystore_free(open_store());
	snprintf(path, sizeof(path), "%s/.tmp-0123", dir);
	write_file(path, "half a key", 0600);
	snprintf(path, sizeof(path), "%s/README", dir);
	write_file(path, "mine", 0600);
	pz_keystore_free(open_store());
	assert_int_equal(count_files(), 1);
	assert_int_equal(access(path, F_OK), 0);
	/* What is neither a file nor there does not matter. */
	snprintf(path, sizeof(path), "%s/sub", dir);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/dangling", dir);
	assert_int_equal(symlink("/nowhere/at/all", path), 0);
	pz_keystore_free(open_store());
	/* A temporary directory cannot be removed like a file. */
	snprintf(path, sizeof(path), "%s/.tmp-dir", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_refused(PZ_ERR_IO, "cannot remove");
}

/* No space: the error says so and nothing is left. A file size limit stands for the full disk. */
static void
test_no_space(void **state)
{
	struct pz_keystore *ks = open_store();
	struct rlimit old, none = {0, 0};
	char uri[PZ_KEY_URI_MAX] = "?";
	struct pz_errinfo info = {""};
	struct pz_key *key = NULL;
	enum pz_err err;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	none.rlim_max = old.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	err = pz_keystore_create(ks, NULL, uri, &key, &info);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(err, PZ_ERR_IO_FULL);
	assert_null(key);
	assert_string_equal(uri, "?");
	assert_non_null(strstr(info.text, dir));
	assert_int_equal(count_files(), 0);
	assert_ok(pz_keystore_create(ks, NULL, uri, NULL, NULL));
	pz_keystore_free(ks);
}

static void
test_directory_is_gone(void **state)
{
	struct pz_keystore *ks = open_store();
	char uri[PZ_KEY_URI_MAX];

	(void)state;
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(pz_keystore_create(ks, NULL, uri, NULL, NULL), PZ_ERR_IO);
	pz_keystore_free(ks);
}

static void
test_remove(void **state)
{
	struct pz_keystore *ks = open_store();
	char uri[PZ_KEY_URI_MAX], other[PZ_KEY_URI_MAX];

	(void)state;
	assert_ok(pz_keystore_create(ks, NULL, uri, NULL, NULL));
	snprintf(other, sizeof(other), "file:%s/other.pem", dir);
	write_file(other + 5, "not ours", 0600);
	assert_int_equal(pz_keystore_remove(ks, other), PZ_ERR_NOTFOUND);
	assert_int_equal(pz_keystore_remove(ks, "file:/etc/hostname"), PZ_ERR_NOTFOUND);
	assert_int_equal(pz_keystore_remove(ks, "pkcs11:object=x"), PZ_ERR_NOTFOUND);
	assert_int_equal(pz_keystore_remove(ks, path_of(uri)), PZ_ERR_NOTFOUND);
	assert_int_equal(count_files(), 2);
	assert_ok(pz_keystore_remove(ks, uri));
	assert_int_equal(pz_keystore_remove(ks, uri), PZ_ERR_NOTFOUND);
	assert_int_equal(count_files(), 1);
	pz_keystore_free(ks);
}

static void
test_sweep(void **state)
{
	struct pz_keystore *ks = open_store();
	char a[PZ_KEY_URI_MAX], b[PZ_KEY_URI_MAX], other[PZ_KEY_URI_MAX];
	const char *keep[] = {"pkcs11:object=x", a};

	(void)state;
	assert_ok(pz_keystore_create(ks, NULL, a, NULL, NULL));
	assert_ok(pz_keystore_create(ks, NULL, b, NULL, NULL));
	snprintf(other, sizeof(other), "%s/other.pem", dir);
	write_file(other, "not ours", 0600);
	assert_int_equal(pz_keystore_count(ks), 2); /* its own only */
	assert_ok(pz_keystore_sweep(ks, keep, 2));
	assert_int_equal(count_files(), 2);
	assert_int_equal(access(path_of(a), F_OK), 0);
	assert_int_equal(access(path_of(b), F_OK), -1);
	assert_ok(pz_keystore_sweep(ks, NULL, 0));
	assert_int_equal(count_files(), 1);
	assert_int_equal(access(other, F_OK), 0);
	pz_keystore_free(ks);
}

static void
test_own_names(void **state)
{
	(void)state;
	assert_true(pz_keydir_name_is_ours("0123456789abcdef0123456789abcdef.pem"));
	assert_false(pz_keydir_name_is_ours("0123456789abcdef0123456789abcdeF.pem"));
	assert_false(pz_keydir_name_is_ours("0123456789abcdef0123456789abcdef.key"));
	assert_false(pz_keydir_name_is_ours("0123456789abcdef0123456789abcdef"));
	assert_false(pz_keydir_name_is_ours("../../../../../../../../../../../a.pem"));
	assert_false(pz_keydir_name_is_ours(""));
}

static void
test_memory(void **state)
{
	struct pz_keystore *ks = pz_keystore_new_memory();
	char a[PZ_KEY_URI_MAX], b[PZ_KEY_URI_MAX];
	struct pz_key *made = NULL, *loaded = NULL;
	const char *keep[] = {a};

	(void)state;
	assert_ok(pz_keystore_create(ks, NULL, a, &made, NULL));
	assert_ok(pz_keystore_create(ks, NULL, b, NULL, NULL));
	assert_string_not_equal(a, b);
	assert_ok(pz_keystore_load(ks, a, &loaded, NULL));
	assert_same_key(made, loaded);
	pz_key_free(loaded);
	loaded = NULL;
	assert_ok(pz_keystore_sweep(ks, keep, 1));
	assert_int_equal(pz_keystore_load(ks, b, &loaded, NULL), PZ_ERR_NOTFOUND);
	assert_ok(pz_keystore_remove(ks, a));
	assert_int_equal(pz_keystore_remove(ks, a), PZ_ERR_NOTFOUND);
	assert_ok(pz_keystore_create(ks, NULL, b, NULL, NULL));
	pz_keystore_free(ks); /* with a key in it */
	pz_keystore_free(NULL);
	assert_ok(pz_key_check_strength(made, NULL));
	pz_key_free(made);
}

#define WITH_DIR(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_DIR(test_create_and_load),
		WITH_DIR(test_add),
		WITH_DIR(test_every_type_survives),
		WITH_DIR(test_uri_forms),
		WITH_DIR(test_other_schemes),
		WITH_DIR(test_directory_that_was_moved),
		WITH_DIR(test_uri_that_is_a_relative_file),
		WITH_DIR(test_load_refusals),
		WITH_DIR(test_encrypted_key_does_not_prompt),
		WITH_DIR(test_open_directory_is_refused),
		WITH_DIR(test_open_key_file_is_refused),
		WITH_DIR(test_foreign_owner_is_refused),
		WITH_DIR(test_open_refusals),
		WITH_DIR(test_leftovers_are_removed),
		WITH_DIR(test_no_space),
		WITH_DIR(test_directory_is_gone),
		WITH_DIR(test_remove),
		WITH_DIR(test_sweep),
		cmocka_unit_test(test_own_names),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
