/* A change of trust makes new TLS contexts and walks the live links (page 2 "TLS"): a handshake
 * that has ended proves nothing about a list that came later. */
#include "hosted/trust.h"

#include "base/auto.h"
#include "hosted/conn.h"

static enum pz_err
make_contexts(struct pz_hosted *zone, struct pz_trust *trust, struct pz_tls_ctx **out_link,
	      struct pz_tls_ctx **out_enrol, struct pz_errinfo *info)
{
	struct pz_authority *a = zone->authority;
	struct pz_cert *chain[] = {a->tls};
	struct pz_tls_config config = {
		.kind = PZ_TLS_HUB_SERVER,
		.chain = chain,
		.chain_len = 1,
		.key = a->tls_key,
		.trust = trust,
		.env = zone->hosting->env,
	};

	PZ_TRY(pz_tls_ctx_new(&config, out_link, info));
	/* A device that enrols has no certificate yet: its code proves it, not TLS. */
	config.kind = PZ_TLS_ENROL_SERVER;
	config.trust = NULL;
	enum pz_err err = pz_tls_ctx_new(&config, out_enrol, info);
	if (err != PZ_OK)
		pz_tls_ctx_free(PZ_TAKE(*out_link));
	return err;
}

/* The links come first: they must end also when memory is out for new contexts. */
enum pz_err
pz_hosted_refresh_trust(struct pz_hosted *zone, struct pz_errinfo *info)
{
	struct pz_tls_ctx *link_ctx = NULL, *enrol_ctx = NULL;
	struct pz_trust *trust = pz_trust_new();

	pz_hosted_close_revoked(zone, "revoked");
	if (trust == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	enum pz_err err = pz_trust_add(trust, zone->authority->ca, zone->authority->crl, info);
	if (err == PZ_OK)
		err = make_contexts(zone, trust, &link_ctx, &enrol_ctx, info);
	if (err != PZ_OK) {
		pz_trust_free(trust);
		return err;
	}
	pz_trust_free(zone->trust.anchors);
	pz_tls_ctx_free(zone->trust.link_ctx);
	pz_tls_ctx_free(zone->trust.enrol_ctx);
	zone->trust.anchors = trust;
	zone->trust.link_ctx = link_ctx;
	zone->trust.enrol_ctx = enrol_ctx;
	return PZ_OK;
}

static void
close_revoked_in(struct pz_list *links, const struct pz_hosted *zone, const char *reason)
{
	PZ_LIST_EACH (links, hook, tmp) {
		struct pz_link *link = PZ_CONTAINER(hook, struct pz_link, owner_node);
		struct pz_hosted_conn *conn = link->owner;
		/* By serial, not by member: the name may have another certificate by now. */
		if (conn->zone == zone && conn->serial[0] &&
		    pz_crl_has_serial(zone->authority->crl, conn->serial))
			pz_hosted_conn_revoked(conn, reason);
	}
}

void
pz_hosted_close_revoked(struct pz_hosted *zone, const char *reason)
{
	close_revoked_in(&zone->links, zone, reason);
	close_revoked_in(&zone->hosting->links, zone, reason);
}

void
pz_hosted_trust_fini(struct pz_hosted *zone)
{
	pz_tls_ctx_free(zone->trust.link_ctx);
	pz_tls_ctx_free(zone->trust.enrol_ctx);
	pz_trust_free(zone->trust.anchors);
}
