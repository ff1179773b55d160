/*
 * Counters and gauges of a daemon as OpenMetrics text and as JSON, by one table (metrics.h). The
 * names are an interface: they stay.
 */
#include "metrics/metrics.h"

#define TEXT_BYTES_MAX (16U << 10) /* far above what the table makes with any sane prefix */

enum kind {
	COUNTER,
	GAUGE,
};

static const struct {
	const char *name, *help;
	enum kind kind;
} table[PZ_METRIC_COUNT] = {
#define X(name, kind, help) {#name, help, kind},
	PZ_METRIC_LIST(X)
#undef X
};

const char *
pz_metric_name(enum pz_metric metric)
{
	return (unsigned)metric < PZ_METRIC_COUNT ? table[metric].name : "unknown";
}

static enum pz_err
text_of(const struct pz_metrics *m, const char *prefix, struct pz_buf *out)
{
	for (size_t i = 0; i < PZ_METRIC_COUNT; i++) {
		bool counter = table[i].kind == COUNTER;
		PZ_TRY(pz_buf_printf(out,
				     "# TYPE %s_%s %s\n"
				     "# HELP %s_%s %s\n"
				     "%s_%s%s %llu\n",
				     /* OpenMetrics: the sample of a counter ends with _total, its
				      * family does not. */
				     prefix, table[i].name, counter ? "counter" : "gauge", prefix,
				     table[i].name, table[i].help, prefix, table[i].name,
				     counter ? "_total" : "", (unsigned long long)m->value[i]));
	}
	return pz_buf_append_str(out, "# EOF\n");
}

enum pz_err
pz_metrics_text(const struct pz_metrics *m, const char *prefix, struct pz_buf *out)
{
	struct pz_buf text;
	enum pz_err err;

	/* Written whole or not at all: a scraper would take half a text for all there is. */
	pz_buf_init(&text, TEXT_BYTES_MAX, NULL);
	err = text_of(m, prefix, &text);
	if (err == PZ_OK)
		err = pz_buf_append(out, pz_buf_slice(&text));
	pz_buf_fini(&text);
	return err;
}

json_t *
pz_metrics_json(const struct pz_metrics *m)
{
	json_t *object = json_object();

	for (size_t i = 0; object && i < PZ_METRIC_COUNT; i++) {
		/* JSON integers are signed 64 bit here; no real counter comes near. */
		uint64_t value = m->value[i] < INT64_MAX ? m->value[i] : INT64_MAX;
		if (json_object_set_new(object, table[i].name, json_integer((json_int_t)value)) !=
		    0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}
