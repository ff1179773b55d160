/* The table of settings as text for people: --help, man page, example file. */
#include <string.h>

#include "conf/table.h"

static const char *
purpose(enum pz_program program)
{
	return program == PZ_PROGRAM_PZPD ? "the Personal Zone Proxy of this device"
					  : "the Personal Zone Hub";
}

/* Rows without a range have both bounds 0. */
static bool
is_number(const struct pz_setting *setting)
{
	return setting->min < setting->max;
}

/** Appends the help sentence and "Allowed: ...", "Default: ...", "Environment: ..." where they
 * apply. @param gap between the sentences */
static enum pz_err
append_sentences(const struct pz_setting *setting, const char *gap, struct pz_buf *out)
{
	char allowed[128], fallback[128];

	pz_setting_allowed(setting, allowed);
	pz_setting_default(setting, fallback);
	PZ_TRY(pz_buf_append_str(out, setting->help));
	if (is_number(setting) || setting->type == PZ_SETTING_CHOICE)
		PZ_TRY(pz_buf_printf(out, "%sAllowed: %s.", gap, allowed));
	if (setting->fallback_words != NULL)
		PZ_TRY(pz_buf_printf(out, "%sDefault: %s.", gap, setting->fallback_words));
	else if (fallback[0] != '\0')
		PZ_TRY(pz_buf_printf(out, "%sDefault: %s.", gap, fallback));
	if (setting->env != NULL)
		PZ_TRY(pz_buf_printf(out, "%sEnvironment: %s.", gap, setting->env));
	return PZ_OK;
}

/** Appends words with line breaks before column 78; each line begins with `lead`. */
static enum pz_err
append_wrapped(struct pz_slice text, const char *lead, struct pz_buf *out)
{
	size_t column = 0, at = 0;

	while (at < text.len) {
		const char *word = (const char *)text.ptr + at;
		const char *space = memchr(word, ' ', text.len - at);
		size_t len = space != NULL ? (size_t)(space - word) : text.len - at;

		/* A word that is longer than a line gets a line of its own. */
		if (column != 0 && column + 1 + len > 78) {
			PZ_TRY(pz_buf_append_str(out, "\n"));
			column = 0;
		}
		PZ_TRY(pz_buf_append_str(out, column == 0 ? lead : " "));
		PZ_TRY(pz_buf_append(out, pz_slice_of(word, len)));
		column += (column == 0 ? strlen(lead) : 1) + len;
		at += len + 1;
	}
	return pz_buf_append_str(out, "\n");
}

static enum pz_err
append_description(const struct pz_setting *setting, const char *lead, struct pz_buf *out)
{
	struct pz_buf words;
	enum pz_err err;

	pz_buf_init(&words, 1024, NULL);
	err = append_sentences(setting, " ", &words);
	if (err == PZ_OK)
		err = append_wrapped(pz_buf_slice(&words), lead, out);
	pz_buf_fini(&words);
	return err;
}

/* Limits come after all other settings: an operator seldom needs them. */
static bool
is_limit(const struct pz_setting *setting)
{
	return strncmp(setting->name, "limits.", 7) == 0;
}

static enum pz_err
append_option(const struct pz_setting *setting, struct pz_buf *out)
{
	char option[64];

	pz_setting_option(setting, option);
	PZ_TRY(pz_buf_printf(out, "  --%s%s%s\n", option, setting->metavar != NULL ? " " : "",
			     setting->metavar != NULL ? setting->metavar : ""));
	return append_description(setting, "        ", out);
}

/* Limits come last: an operator seldom needs them. */
static enum pz_err
append_help(enum pz_program program, struct pz_buf *out)
{
	const struct pz_setting *setting;

	PZ_TRY(pz_buf_printf(out, "Usage: %s [OPTION]...\n%s runs in the foreground as %s.\n\n",
			     pz_program_name(program), pz_program_name(program), purpose(program)));
	for (int limits = 0; limits < 2; limits++) {
		if (limits)
			PZ_TRY(pz_buf_append_str(out, "\nLimits:\n"));
		for (size_t i = 0; (setting = pz_setting_next(program, &i)) != NULL;)
			if (is_limit(setting) == (limits == 1))
				PZ_TRY(append_option(setting, out));
	}
	return PZ_OK;
}

void
pz_settings_help(enum pz_program program, FILE *out)
{
	struct pz_buf text;

	pz_buf_init(&text, 64U << 10, NULL);
	if (append_help(program, &text) == PZ_OK)
		fwrite(pz_buf_slice(&text).ptr, 1, pz_buf_slice(&text).len, out);
	else
		fputs("out of memory\n", out);
	pz_buf_fini(&text);
}

static enum pz_err
append_item(const struct pz_setting *setting, struct pz_buf *out)
{
	char option[64];

	pz_setting_option(setting, option);
	PZ_TRY(pz_buf_printf(out, ".It Fl Fl %s", option));
	if (setting->metavar != NULL)
		PZ_TRY(pz_buf_printf(out, " Ar %s", setting->metavar));
	PZ_TRY(pz_buf_append_str(out, "\n"));
	/* One sentence a line, as mdoc requires. */
	PZ_TRY(append_sentences(setting, "\n", out));
	PZ_TRY(pz_buf_append_str(out, "\n"));
	if (strcmp(option, setting->name) != 0)
		PZ_TRY(pz_buf_printf(out, "In the file:\n.Cm %s .\n", setting->name));
	return PZ_OK;
}

enum pz_err
pz_settings_man(enum pz_program program, struct pz_buf *out)
{
	const struct pz_setting *setting;

	for (int limits = 0; limits < 2; limits++) {
		if (limits)
			PZ_TRY(pz_buf_append_str(out, ".El\n.Ss Limits\n.Bl -tag -width Ds\n"));
		for (size_t i = 0; (setting = pz_setting_next(program, &i)) != NULL;)
			if (is_limit(setting) == (limits == 1))
				PZ_TRY(append_item(setting, out));
	}
	return PZ_OK;
}

enum pz_err
pz_settings_example(enum pz_program program, struct pz_buf *out)
{
	const struct pz_setting *setting;
	const char *name = pz_program_name(program);

	PZ_TRY(pz_buf_printf(out,
			     "# Configuration of %s, %s.\n"
			     "# It is read from --config FILE, else from %s.conf in the data "
			     "directory.\n"
			     "# One \"key = value\" a line; the command line wins over this "
			     "file.\n",
			     name, purpose(program), name));
	for (size_t i = 0; (setting = pz_setting_next(program, &i)) != NULL;) {
		char value[128];

		if (setting->is_command_line_only)
			continue;
		pz_setting_default(setting, value);
		PZ_TRY(pz_buf_append_str(out, "\n"));
		PZ_TRY(append_description(setting, "# ", out));
		/* Commented out: the file has no effect until a line is edited. */
		PZ_TRY(pz_buf_printf(out, "#%s = %s\n", setting->name,
				     value[0] != '\0' ? value : setting->example));
	}
	return PZ_OK;
}

void
pz_settings_each(enum pz_program program,
		 void (*each)(void *arg, const struct pz_settings_option *option), void *arg)
{
	const struct pz_setting *row;
	size_t index = 0;
	char name[64];

	while ((row = pz_setting_next(program, &index)) != NULL) {
		pz_setting_option(row, name);
		each(arg, &(struct pz_settings_option){
				  .name = name,
				  .value = row->type == PZ_SETTING_FLAG ? NULL : row->metavar,
				  .choices = row->choices,
				  .is_path = row->type == PZ_SETTING_PATH ||
					     row->type == PZ_SETTING_PATHS,
			  });
	}
}
