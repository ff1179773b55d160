/*
 * What the user should know although everything goes on: shown by `status` as long as it is so, and
 * logged when it begins and once in a while.
 */
#include <stdio.h>

#include "pzp/peers.h"

#define AGAIN_US (3600 * PZ_US_PER_S)
#define CA_SOON_DAYS 60 /* nothing renews a PZP CA: time enough to enrol again */

json_t *
warnings_days(const struct pz_node *node)
{
	const struct pz_membership *m = node->membership;
	const struct pz_crl *crl = node_crl(node);

	if (m == NULL || crl == NULL)
		return json_null();
	return json_pack(
		"{s:I, s:I, s:I}", "tls",
		(json_int_t)pz_env_days_left(node->config.env, pz_cert_not_after_ms(m->tls)), "ca",
		(json_int_t)pz_env_days_left(node->config.env, pz_cert_not_after_ms(m->device_ca)),
		"crl", (json_int_t)pz_env_days_left(node->config.env, pz_crl_next_update_ms(crl)));
}

/* ---- the hub's revocation list ---- */

static void
tell_older(const struct node_warnings *w, struct pz_errinfo *out)
{
	(void)pz_fail(
		out, PZ_ERR_DENIED,
		"the hub shows an older revocation list (number %llu, here is %llu): it was "
		"restored from an old backup, or somebody plays it; what is known here counts, "
		"and the hub has been told",
		(unsigned long long)w->hub_crl, (unsigned long long)w->own_crl);
}

void
warnings_hub_crl(struct pz_node *node, uint64_t number, uint64_t known)
{
	struct node_warnings *w = &node->warnings;
	uint64_t now = pz_env_mono_us(node->config.env);
	struct pz_errinfo text;

	if (number >= known) {
		if (w->is_hub_older)
			pz_notice_of(&node->hub_log, node->config.env, "crl",
				     "the hub has a list as new as ours again: number %llu",
				     (unsigned long long)number);
		w->is_hub_older = false;
		return;
	}
	bool is_logged = w->hub_crl == number && w->logged_us && now - w->logged_us < AGAIN_US;
	w->is_hub_older = true;
	w->hub_crl = number;
	w->own_crl = known;
	if (is_logged)
		return;
	w->logged_us = now;
	tell_older(w, &text);
	pz_warning_of(&node->hub_log, node->config.env, "crl-older", "%s", text.text);
}

/* ---- renewal ---- */

void
warnings_renewal(struct pz_node *node, const char *failure)
{
	if (failure[0] == '\0')
		pz_condition_clear(node->conditions, PZ_CONDITION_RENEWAL_FAILED, "");
	else
		pz_condition_raise(node->conditions, PZ_CONDITION_RENEWAL_FAILED, "",
				   "this device's TLS certificate could not be renewed: %s",
				   failure);
}

/* ---- the list ---- */

static void
add(json_t *list, const char *text)
{
	(void)json_array_append_new(list, json_string(text));
}

static void
add_dates(const struct pz_node *node, json_t *list)
{
	struct pz_errinfo text;
	int64_t crl = pz_env_days_left(node->config.env, pz_crl_next_update_ms(node_crl(node)));
	int64_t ca = pz_env_days_left(node->config.env,
				      pz_cert_not_after_ms(node->membership->device_ca));

	if (crl < 0) {
		(void)pz_fail(&text, PZ_ERR_DENIED_EXPIRED,
			      "the revocation list should have been renewed %lld days ago: who was "
			      "revoked since is not known here; connect to the hub",
			      (long long)-crl);
		add(list, text.text);
	}
	if (ca < CA_SOON_DAYS) {
		(void)pz_fail(
			&text, PZ_ERR_DENIED_EXPIRED,
			"the certificate that the hub gave this device ends in %lld days: leave "
			"the zone and enrol again before",
			(long long)ca);
		add(list, text.text);
	}
}

json_t *
warnings_list(const struct pz_node *node)
{
	json_t *list = pz_conditions_texts(node->conditions);
	struct pz_errinfo text;

	if (node->membership == NULL || node_crl(node) == NULL)
		return list;
	if (node->warnings.is_hub_older) {
		tell_older(&node->warnings, &text);
		add(list, text.text);
	}
	add_dates(node, list);
	return list;
}

void
warnings_forget(struct pz_node *node)
{
	node->warnings = (struct node_warnings){.is_hub_older = false};
	pz_condition_clear(node->conditions, PZ_CONDITION_RENEWAL_FAILED, NULL);
	pz_condition_clear(node->conditions, PZ_CONDITION_ANOTHER_HUB, NULL);
}
