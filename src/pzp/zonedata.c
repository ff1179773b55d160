/* What the zone's synchronised data says: secret, members, revocations. */
#include "pzp/peers.h"

struct pz_crl *
node_crl_of(const struct pz_node *node, const struct pz_membership *membership)
{
	(void)node;
	return membership->crl;
}

struct pz_crl *
node_crl(const struct pz_node *node)
{
	return node->membership ? node_crl_of(node, node->membership) : NULL;
}

bool
node_zone_secret(const struct pz_node *node, uint8_t *out)
{
	(void)node;
	(void)out;
	return false;
}

void
node_add_known_devices(const struct pz_node *node, json_t *names)
{
	(void)node;
	(void)names;
}

enum pz_err
node_knows_ca(const struct pz_node *node, const struct pz_peer *who, struct pz_errinfo *info)
{
	(void)node;
	(void)who;
	(void)info;
	return PZ_OK;
}
