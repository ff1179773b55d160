#include "kit/test.h"

#include "tls/hello.h"

#define BYTES(s)                                                                                   \
	{                                                                                          \
		(const uint8_t *)(s), sizeof(s) - 1                                                \
	}
#define LETTERS_62 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz0123456789"

static void
test_label(void **state)
{
	static const struct {
		struct pz_slice ext;
		const char *label; /* NULL: refused */
	} rows[] = {
		{BYTES("\0\x0b\0\0\x08tag.host"), "tag"},
		{BYTES("\0\x06\0\0\x03tag"), "tag"},
		{BYTES("\0\x0a\0\0\x07"
		       "A-z_09."),
		 "a-z_09"},
		{BYTES("\0\x00"), ""},
		{BYTES("\0\x44\0\0\x41" LETTERS_62 "x.z"), LETTERS_62 "x"},
		{BYTES("\0\x43\0\0\x40" LETTERS_62 "xy"), NULL}, /* 64 bytes */
		{BYTES(""), NULL},
		{BYTES("\0"), NULL},
		{BYTES("\0\x01"), NULL},
		{BYTES("\0\x06\0\0\x03tagx"), NULL},  /* more than the list */
		{BYTES("\0\x07\0\0\x03tagx"), NULL},  /* more than the name */
		{BYTES("\0\x06\0\0\x04tag"), NULL},   /* less than the name */
		{BYTES("\0\x02\0\0"), NULL},          /* half a length */
		{BYTES("\0\x06\x01\0\x03tag"), NULL}, /* no host name */
		{BYTES("\0\x03\0\0\0"), NULL},        /* empty name */
		{BYTES("\0\x07\0\0\x04.tag"), NULL},  /* empty label */
		{BYTES("\0\x06\0\0\x03t\0g"), NULL},  /* NUL */
		{BYTES("\0\x06\0\0\x03t g"), NULL},
		{BYTES("\0\x06\0\0\x03t\xc3\xa4"), NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char label[PZ_TLS_LABEL_BYTES] = "before";
		enum pz_err err = pz_tls_hello_label(rows[i].ext, label);

		if ((err == PZ_OK) != (rows[i].label != NULL))
			fail_msg("row %zu: %s", i, pz_err_name(err));
		assert_true(err == PZ_OK || err == PZ_ERR_PROTO);
		assert_string_equal(label, rows[i].label ? rows[i].label : "before");
	}
}

static void
test_alpn(void **state)
{
	static const struct {
		struct pz_slice ext;
		bool ok, zone, enrol, pair, friend;
	} rows[] = {
		{BYTES("\0\x05\x04pz/1"), true, true, false, false, false},
		{BYTES("\0\x0b\x0apz-enrol/1"), true, false, true, false, false},
		{BYTES("\0\x10\x04pz/1\x0apz-enrol/1"), true, true, true, false, false},
		{BYTES("\0\x0a\x09pz-pair/1"), true, false, false, true, false},
		{BYTES("\0\x0c\x0bpz-friend/1"), true, false, false, false, true},
		{BYTES("\0\x0e\x08http/1.1\x04pz/1"), true, true, false, false, false},
		{BYTES("\0\x0c\x02h2\x08http/1.1"), true, false, false, false, false},
		{BYTES("\0\x05\x04pz/2"), true, false, false, false, false},
		{BYTES("\0\x04\x03pz/"), true, false, false, false, false},
		{BYTES(""), false, false, false, false, false},
		{BYTES("\0\0"), false, false, false, false, false},
		{BYTES("\0\x01\0"), false, false, false, false, false}, /* empty name */
		{BYTES("\0\x05\x05pz/1"), false, false, false, false,
		 false}, /* less than the name */
		{BYTES("\0\x05\x04pz/1x"), false, false, false, false,
		 false}, /* more than the list */
		{BYTES("\0\x06\x04pz/1\x01"), false, false, false, false,
		 false}, /* second name missing */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pz_tls_alpn alpn = {.zone = false};
		enum pz_err err = pz_tls_hello_alpn(rows[i].ext, &alpn);

		if (err != (rows[i].ok ? PZ_OK : PZ_ERR_PROTO) || alpn.zone != rows[i].zone ||
		    alpn.enrol != rows[i].enrol || alpn.pair != rows[i].pair ||
		    alpn.friend != rows[i].friend)
			fail_msg("row %zu: %s zone %d enrol %d pair %d friend %d", i,
				 pz_err_name(err), alpn.zone, alpn.enrol, alpn.pair, alpn.friend);
	}
}

static void
test_identity(void **state)
{
	static const struct {
		struct pz_slice ext;
		const char *identity; /* NULL: refused */
	} rows[] = {
		{BYTES("\0\x09\0\x03one\0\0\0\0\0\x21\x20 binders"), "one"},
		{BYTES("\0\x12\0\x03one\0\0\0\0\0\x03two\0\0\0\0"), "one"}, /* without binders */
		{BYTES(""), NULL},
		{BYTES("\0\0"), NULL},                      /* no identity */
		{BYTES("\0\x0a\0\x03one\0\0\0\0"), NULL},   /* more than the extension */
		{BYTES("\0\x06\0\0\0\0\0\0"), NULL},        /* an empty one */
		{BYTES("\0\x08\0\x03one\0\0\0"), NULL},     /* half an age */
		{BYTES("\0\x09\0\x08one\0\0\0\0"), NULL},   /* longer than the list */
		{BYTES("\0\x0a\0\x03one\0\0\0\0\0"), NULL}, /* half a second one */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pz_slice identity = pz_slice_str("before");
		enum pz_err err = pz_tls_hello_identity(rows[i].ext, &identity);

		if ((err == PZ_OK) != (rows[i].identity != NULL))
			fail_msg("row %zu: %s", i, pz_err_name(err));
		assert_true(err == PZ_OK || err == PZ_ERR_PROTO);
		assert_true(
			pz_slice_eq_str(identity, rows[i].identity ? rows[i].identity : "before"));
	}
}

static void
test_key(void **state)
{
	static const struct {
		struct pz_slice ext;
		const char *key; /* NULL: refused */
	} rows[] = {
		{BYTES("\0\x07\0\x1d\0\x03key"), "key"},
		{BYTES(""), NULL},
		{BYTES("\0\0"), NULL},                                 /* no key */
		{BYTES("\0\x04\0\x1d\0\0"), NULL},                     /* an empty one */
		{BYTES("\0\x0e\0\x1d\0\x03key\0\x17\0\x03two"), NULL}, /* two */
		{BYTES("\0\x07\0\x1d\0\x03key."), NULL},               /* more than the list */
		{BYTES("\0\x08\0\x1d\0\x03key."), NULL},               /* more than the key */
		{BYTES("\0\x07\0\x1d\0\x04key"), NULL},                /* less than the key */
		{BYTES("\0\x01\0"), NULL},                             /* half a group */
		{BYTES("\0\x03\0\x1d\0"), NULL},                       /* half a length */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct pz_slice key = pz_slice_str("before");
		enum pz_err err = pz_tls_hello_key(rows[i].ext, &key);

		if ((err == PZ_OK) != (rows[i].key != NULL))
			fail_msg("row %zu: %s", i, pz_err_name(err));
		assert_true(err == PZ_OK || err == PZ_ERR_PROTO);
		assert_true(pz_slice_eq_str(key, rows[i].key ? rows[i].key : "before"));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_label),
		cmocka_unit_test(test_alpn),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
