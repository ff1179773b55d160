#include "zone/aside.h"

void
pz_aside_fini(struct pz_aside *aside)
{
	while (aside->count > 0)
		pz_crl_free(aside->lists[--aside->count]);
}

bool
pz_aside_has_serial(const struct pz_aside *aside, const char *serial_hex)
{
	for (size_t i = 0; i < aside->count; i++)
		if (pz_crl_has_serial(aside->lists[i], serial_hex))
			return true;
	return false;
}

bool
pz_aside_has_more(const struct pz_crl *list, const struct pz_crl *than)
{
	struct pz_crl_entry entry;

	for (size_t i = 0; i < pz_crl_len(list); i++) {
		pz_crl_entry_at(list, i, &entry);
		if (than == NULL || !pz_crl_has_serial(than, entry.serial_hex))
			return true;
	}
	return false;
}

bool
pz_aside_keep(struct pz_aside *aside, struct pz_crl *list, const struct pz_crl *newest)
{
	struct pz_crl_entry entry;

	for (size_t i = 0; i < pz_crl_len(list); i++) {
		pz_crl_entry_at(list, i, &entry);
		if (pz_crl_has_serial(newest, entry.serial_hex) ||
		    pz_aside_has_serial(aside, entry.serial_hex))
			continue;
		if (aside->count == PZ_CRL_ASIDE_MAX)
			return false;
		aside->lists[aside->count++] = pz_crl_ref(list);
		return true;
	}
	return false;
}

void
pz_aside_settle(struct pz_aside *aside, const struct pz_crl *newest)
{
	size_t kept = 0;

	for (size_t i = 0; i < aside->count; i++) {
		if (pz_aside_has_more(aside->lists[i], newest))
			aside->lists[kept++] = aside->lists[i];
		else
			pz_crl_free(aside->lists[i]);
	}
	aside->count = kept;
}
