/*
 * What the zone's data says (page 8): the secret of its tags, its members' certificate authorities,
 * its revocations; and the exchange of it with the hub and with peers, who pass on what the hub
 * signed. What comes in is checked before it counts (zone/knowledge.h), counts at once, and is
 * stored behind; a crash before that costs an exchange with whoever comes next.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pzp/peers.h"
#include "sync/session.h"
#include "wire/message.h"
#include "zone/knowledge.h"
#include "zone/tag.h"

/** The exchange on one link. */
struct zonedata_session {
	struct pz_list node; /* zonedata.sessions */
	struct zonedata *data;
	struct pz_link *link;
	bool is_hub;
	char to[PZ_ADDRESS_BYTES_MAX + 1];
	struct pz_sync_session *sync;
};

struct zonedata {
	struct pz_node *node;
	struct pz_knowledge *knowledge; /* NULL: virgin */
	struct pz_list sessions;
	struct pz_timer verdict; /* a new CRL: are we on it? */
	struct pz_log_rate refused_log;
};

/* ---- what it says ---- */

struct pz_crl *
node_crl(const struct pz_node *node)
{
	if (node->membership == NULL)
		return NULL;
	struct pz_crl *newest =
		node->zonedata->knowledge ? pz_knowledge_crl(node->zonedata->knowledge) : NULL;
	return newest ? newest : node->membership->crl;
}

bool
node_zone_secret(const struct pz_node *node, uint8_t *out)
{
	const uint8_t *secret = node->zonedata && node->zonedata->knowledge
					? pz_knowledge_secret(node->zonedata->knowledge)
					: NULL;

	if (secret)
		memcpy(out, secret, PZ_ZONE_SECRET_BYTES);
	return secret != NULL;
}

void
node_add_known_devices(const struct pz_node *node, json_t *names)
{
	const struct pz_known_device *known;
	size_t pos = 0;

	while (node->zonedata->knowledge &&
	       (known = pz_knowledge_next(node->zonedata->knowledge, &pos)) != NULL)
		(void)json_object_set_new(names, known->device, json_true());
}

/* Seed, "Outgoing TLS connections": "Just the certificate of the PZP CA we are contacting, if they
 * are known". */
enum pz_err
node_knows_ca(const struct pz_node *node, const struct pz_peer *who, struct pz_errinfo *info)
{
	const struct pz_known_device *known =
		node->zonedata->knowledge
			? pz_knowledge_device(node->zonedata->knowledge, who->device)
			: NULL;

	if (known && strcmp(known->serial, who->ca_serial) != 0)
		return pz_fail(info, PZ_ERR_DENIED_IDENTITY,
			       "%s shows another certificate authority than the zone knows of it",
			       who->device);
	return PZ_OK;
}

/* ---- sessions ---- */

static enum pz_err
on_send(void *arg, const char *status, json_t *message)
{
	struct zonedata_session *s = arg;
	struct pz_node *node = s->data->node;
	struct pz_buf out;

	if (s->link->closing)
		return PZ_ERR_IO_CLOSED;
	if (s->link->session.queued > PZ_QUEUE_LOW_BYTES)
		return PZ_ERR_LIMIT_QUEUE;
	pz_buf_init(&out, PZ_FRAME_BYTES_MAX, NULL);
	enum pz_err err = pz_message_prop(&out, node->self, s->to, status, message);
	if (err == PZ_OK)
		err = pz_link_send(s->link, pz_buf_slice(&out));
	pz_buf_fini(&out);
	return err;
}

static struct pz_sync_item *
on_item(void *arg, const struct pz_sync_kind *kind)
{
	struct zonedata_session *s = arg;

	/* Without a zone nothing is exchanged: the link is about to end. */
	return s->data->knowledge ? pz_knowledge_item(s->data->knowledge, kind) : NULL;
}

/*
 * An older revocation list never counts. From a peer it only says that the peer was away; the hub
 * can have it only when its data was put back, and then it is told what it has forgotten. Also when
 * its list is the newer one but lacks somebody: it has revoked others since.
 */
static enum pz_err
on_offered(void *arg, const struct pz_sync_kind *kind, const struct pz_sync_chunk *chunk,
	   bool *out_taken, struct pz_errinfo *info)
{
	struct zonedata_session *s = arg;
	struct pz_crl_weight weight;

	if (kind->id != PZ_SYNC_CRL)
		return PZ_OK;
	PZ_TRY(pz_knowledge_weigh(s->data->knowledge, chunk, &weight, info));
	*out_taken = weight.number < weight.known;
	if (*out_taken && !s->is_hub)
		pz_info("crl-older", "from=%s number=%llu here=%llu", s->to,
			(unsigned long long)weight.number, (unsigned long long)weight.known);
	if (!s->is_hub)
		return PZ_OK;
	warnings_hub_crl(s->data->node, weight.number, weight.known);
	if (*out_taken || weight.has_less)
		(void)!pz_sync_session_push(s->sync, kind, chunk->key);
	return PZ_OK;
}

static enum pz_err
on_accept(void *arg, const struct pz_sync_kind *kind, const struct pz_sync_chunk *chunk,
	  struct pz_errinfo *info)
{
	struct zonedata_session *s = arg;

	return pz_knowledge_accept(s->data->knowledge, kind, chunk, info);
}

static void
on_stored(void *arg, enum pz_err err, const char *detail)
{
	(void)arg;
	if (err != PZ_OK)
		pz_error("store",
			 "what the zone told was not stored, and will be asked for again: "
			 "%s",
			 detail);
}

static void
store(struct zonedata *data, const struct pz_sync_kind *kind, const json_t *keys)
{
	struct pz_txn *txn = pz_txn_new();

	if (txn == NULL || pz_knowledge_apply(data->knowledge, kind, keys, txn) != PZ_OK) {
		pz_txn_free(txn);
		on_stored(NULL, PZ_ERR_LIMIT_MEMORY, "out of memory");
	} else if (data->node->is_wiping) {
		pz_txn_free(txn);
	} else {
		pz_store_commit(data->node->config.store, txn, on_stored, NULL);
	}
}

/* Everybody else who is linked with us hears it, too. */
static void
pass_on(const struct zonedata_session *from, const struct pz_sync_kind *kind, const json_t *keys)
{
	const json_t *key;
	size_t i;

	PZ_LIST_EACH (&from->data->sessions, n, tmp) {
		struct zonedata_session *to = PZ_CONTAINER(n, struct zonedata_session, node);
		if (to == from)
			continue;
		json_array_foreach((json_t *)keys, i, key)(void) !pz_sync_session_push(
			to->sync, kind, json_string_value(key));
	}
}

static void
act_on(struct pz_node *node, enum pz_sync_id id)
{
	struct pz_errinfo info = {""};

	if (id == PZ_SYNC_ZONE_SECRET)
		nearby_announce(node->nearby);
	if (id != PZ_SYNC_CRL)
		return;
	pz_notice("crl", "number=%llu", (unsigned long long)pz_crl_number(node_crl(node)));
	if (node_refresh_trust(node, &info) != PZ_OK)
		pz_error("trust", "%s", info.text);
	/* Not from here: should we stand on it ourselves, the link goes that we hear it by. */
	zonedata_judge(node);
}

/* What a peer passes on counts as much as the hub's own word: the hub has signed it. */
static void
on_verdict(struct pz_timer *timer, void *arg)
{
	struct pz_node *node = ((struct zonedata *)arg)->node;
	char serial[PZ_SERIAL_HEX_BYTES];

	(void)timer;
	if (node->membership == NULL)
		return;
	pz_cert_serial_hex(node->membership->device_ca, serial);
	if (pz_crl_has_serial(node_crl(node), serial))
		(void)pz_machine_event(&node->machine, PZ_EVENT_REVOKED,
				       "this device stands on the zone's revocation list");
}

void
zonedata_judge(struct pz_node *node)
{
	pz_env_start(node->config.env, &node->zonedata->verdict, 0);
}

static void
on_changed(void *arg, const struct pz_sync_kind *kind, const json_t *keys)
{
	struct zonedata_session *s = arg;

	pz_info("sync", "item=%s chunks=%zu from=%s", kind->name, json_array_size(keys), s->to);
	store(s->data, kind, keys);
	pass_on(s, kind, keys);
	act_on(s->data->node, kind->id);
}

static void
on_refused(void *arg, const char *item, const char *key, const char *reason)
{
	struct zonedata_session *s = arg;
	uint32_t suppressed = 0;

	pz_metric_add(&s->data->node->metrics, PZ_METRIC_messages_dropped, 1);
	if (pz_log_allow(&s->data->refused_log, pz_env_mono_us(s->data->node->config.env), 1,
			 &suppressed))
		pz_warning("sync-refused", "item=%s key=%s from=%s suppressed=%u %s", item, key,
			   s->to, suppressed, reason);
}

static const struct pz_sync_ops sync_ops = {
	.send = on_send,
	.item = on_item,
	.offered = on_offered,
	.accept = on_accept,
	.changed = on_changed,
	.number = pz_knowledge_number,
	.refused = on_refused,
};

struct zonedata_session *
zonedata_open(struct pz_node *node, struct pz_link *link, bool is_hub, bool is_opener)
{
	struct zonedata_session *s = calloc(1, sizeof(*s));
	struct pz_sync_config config = {
		.self = PZ_SYNC_DEVICE,
		.other = is_hub ? PZ_SYNC_HUB : PZ_SYNC_DEVICE,
		.env = node->config.env,
		.ops = &sync_ops,
		.arg = s,
	};

	if (s == NULL || node->zonedata->knowledge == NULL) {
		free(s);
		return NULL;
	}
	s->data = node->zonedata;
	s->link = link;
	s->is_hub = is_hub;
	if (is_hub) /* if it is so still, it will be shown again */
		node->warnings.is_hub_older = false;
	snprintf(s->to, sizeof(s->to), "%s", link->session.address);
	s->sync = pz_sync_session_new(&config);
	if (s->sync == NULL) {
		free(s);
		return NULL;
	}
	pz_list_append(&node->zonedata->sessions, &s->node);
	if (is_opener && pz_sync_session_open(s->sync) != PZ_OK)
		pz_warning("sync", "cannot begin with %s", s->to);
	return s;
}

void
zonedata_close(struct zonedata_session *s)
{
	if (s == NULL)
		return;
	pz_list_remove(&s->node);
	pz_sync_session_free(s->sync);
	free(s);
}

void
zonedata_drained(struct zonedata_session *s)
{
	if (s && pz_sync_session_is_blocked(s->sync))
		(void)!pz_sync_session_pump(s->sync);
}

bool
zonedata_on_prop(struct zonedata_session *s, const char *status, json_t *message)
{
	struct pz_errinfo info = {""};

	if (!pz_sync_is_status(status))
		return false;
	if (s && pz_sync_session_message(s->sync, status, message, &info) != PZ_OK)
		pz_warning("sync", "status=%s from=%s %s", status, s->to, info.text);
	return true;
}

/* ---- life ---- */

struct zonedata *
zonedata_new(struct pz_node *node)
{
	struct zonedata *data = calloc(1, sizeof(*data));

	if (data) {
		data->node = node;
		pz_list_init(&data->sessions);
		pz_timer_init(&data->verdict, on_verdict, data);
	}
	return data;
}

void
zonedata_free(struct zonedata *data)
{
	if (data == NULL)
		return;
	pz_env_stop(data->node->config.env, &data->verdict);
	for (struct pz_list *n; (n = pz_list_first(&data->sessions)) != NULL;) {
		struct zonedata_session *s = PZ_CONTAINER(n, struct zonedata_session, node);
		pz_list_remove(&s->node); /* its link still holds it */
		pz_sync_session_free(s->sync);
		s->sync = NULL;
	}
	pz_knowledge_free(data->knowledge);
	free(data);
}

enum pz_err
zonedata_set_membership(struct pz_node *node, const struct pz_membership *membership,
			struct pz_errinfo *info)
{
	struct pz_knowledge *fresh = NULL;
	size_t skipped = 0;

	if (membership == NULL) {
		pz_knowledge_free(PZ_TAKE(node->zonedata->knowledge));
		return PZ_OK;
	}
	if (node->zonedata->knowledge) /* a renewal: the zone is the same */
		return PZ_OK;
	PZ_TRY(pz_knowledge_load(node->config.store, membership, &fresh, &skipped, info));
	if (skipped > 0)
		pz_warning("store", "%zu records about the zone are not readable and left out",
			   skipped);
	node->zonedata->knowledge = fresh;
	return PZ_OK;
}
