/* A change of trust makes new TLS contexts and checks the live links (page 2 "TLS"): a handshake
 * that has ended proves nothing about a later list. */
#include "hosted/trust.h"

#include "base/auto.h"
#include "hosted/conn.h"

/** One set of contexts. */
struct contexts {
	struct pz_tls_ctx *link, *enrol, *friends;
};

static void
contexts_fini(struct contexts *c)
{
	pz_tls_ctx_free(c->link);
	pz_tls_ctx_free(c->enrol);
	pz_tls_ctx_free(c->friends);
	*c = (struct contexts){.link = NULL};
}

static enum pz_err
make_contexts(struct pz_hosted *zone, struct pz_trust *trust, struct contexts *out,
	      struct pz_errinfo *info)
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

	PZ_TRY(pz_tls_ctx_new(&config, &out->link, info));
	/* A device that enrols has no certificate yet, and that of a hub that accepts an invitation
	 * is not trusted yet: a code or a secret proves them, not TLS. */
	config.trust = NULL;
	config.kind = PZ_TLS_ENROL_SERVER;
	PZ_TRY(pz_tls_ctx_new(&config, &out->enrol, info));
	config.kind = PZ_TLS_FRIEND_SERVER;
	return pz_tls_ctx_new(&config, &out->friends, info);
}

/* The zone's own CA first: no friend can act for it (CERT-5). */
static enum pz_err
make_trust(const struct pz_hosted *zone, struct pz_trust **out, struct pz_errinfo *info)
{
	const struct pz_authority *a = zone->authority;
	struct pz_trust *trust = pz_trust_new();

	if (trust == NULL)
		return pz_fail(info, PZ_ERR_LIMIT_MEMORY, "out of memory");
	enum pz_err err = pz_trust_add(trust, a->ca, a->crl, info);
	if (err == PZ_OK)
		err = pz_friends_add_trust(a->friends.table, trust, info);
	if (err != PZ_OK) {
		pz_trust_free(trust);
		return err;
	}
	*out = trust;
	return PZ_OK;
}

/* The links come first: they must end even if memory for new contexts is out. */
enum pz_err
pz_hosted_refresh_trust(struct pz_hosted *zone, struct pz_errinfo *info)
{
	struct contexts made = {.link = NULL};
	struct pz_trust *trust = NULL;

	pz_hosted_close_revoked(zone, "revoked");
	PZ_TRY(make_trust(zone, &trust, info));
	enum pz_err err = make_contexts(zone, trust, &made, info);
	if (err != PZ_OK) {
		contexts_fini(&made);
		pz_trust_free(trust);
		return err;
	}
	pz_hosted_trust_fini(zone);
	zone->trust.anchors = trust;
	zone->trust.link_ctx = made.link;
	zone->trust.enrol_ctx = made.enrol;
	zone->trust.friend_ctx = made.friends;
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
	pz_tls_ctx_free(zone->trust.friend_ctx);
	pz_trust_free(zone->trust.anchors);
}
