/* Revocation lists that this zone's hub has signed and does not remember (authority.h). */
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "zone/aside.h"
#include "zone/change.h"

bool
pz_authority_is_news(const struct pz_authority *a, const struct pz_crl *crl)
{
	return pz_crl_number(crl) > pz_crl_number(a->crl) || pz_aside_has_more(crl, a->crl);
}

static enum pz_err
prepare(struct pz_authority *a, struct pz_crl *crl, struct pz_txn *txn,
	struct pz_zone_change *change, struct pz_errinfo *info)
{
	if (pz_crl_number(crl) > pz_crl_number(a->crl) && !pz_aside_has_more(a->crl, crl))
		change->crl = pz_crl_ref(crl);
	else
		PZ_TRY(pz_authority_next_crl(a, crl, NULL, &change->crl, info));
	return pz_authority_put_zone(a, a->tls_key_uri, a->tls, change->crl, txn);
}

enum pz_err
pz_authority_learn(struct pz_authority *a, struct pz_crl *crl, struct pz_txn *txn,
		   struct pz_zone_change **out, struct pz_errinfo *info)
{
	PZ_TRY(pz_crl_verify(crl, a->ca, info));
	if (!pz_authority_is_news(a, crl))
		return pz_fail(info, PZ_ERR_EXISTS, "the list says nothing new");
	struct pz_zone_change *change = calloc(1, sizeof(*change));
	if (change == NULL)
		return PZ_ERR_LIMIT_MEMORY;
	enum pz_err err = prepare(a, crl, txn, change, info);
	if (err != PZ_OK) {
		pz_authority_drop(change);
		return err;
	}
	*out = change;
	return PZ_OK;
}

bool
pz_authority_mark_listed(struct pz_authority *a, struct pz_member *m)
{
	struct pz_crl_entry entry = {.when_ms = 0};

	if (m->revoked || !pz_crl_has_serial(a->crl, m->serial))
		return false;
	for (size_t i = 0; i < pz_crl_len(a->crl) && strcmp(entry.serial_hex, m->serial) != 0; i++)
		pz_crl_entry_at(a->crl, i, &entry);
	m->revoked = true;
	m->revoked_ms = entry.when_ms;
	m->revoked_why = PZ_REVOKED_LISTED;
	free(PZ_TAKE(m->ca_pem));
	pz_authority_republish(a, m, false);
	return true;
}
