#include "raw.h"

#include <stdio.h>
#include <stdlib.h>

#include "harness.h"
#include "wire/address.h"
#include "wire/frame.h"
#include "wire/message.h"

static struct world *
world_of(const struct raw *raw)
{
	return raw->machine->world;
}

/* ---- the link ---- */

static void
send_built(struct raw *raw, struct pz_buf *frame, enum pz_err err)
{
	if (err == PZ_OK)
		err = pz_link_send(raw->link, pz_buf_slice(frame));
	pz_buf_fini(frame);
	sim_check(world_of(raw), err == PZ_OK || err == PZ_ERR_IO_CLOSED, "%s cannot send: %s",
		  raw->machine->name, pz_err_name(err));
}

static void
on_secured(struct pz_link *link)
{
	struct raw *raw = link->owner;
	struct pz_buf out;

	sim_check(world_of(raw), pz_link_identify(link, PZ_SESSION_HUB, SIM_ZONE) == PZ_OK,
		  "out of memory");
	pz_buf_init(&out, PZ_FRAME_BYTES_ENROL, NULL);
	send_built(raw, &out,
		   pz_message_register(&out, raw->address, SIM_ZONE, PZ_FRAME_BYTES_DEFAULT, NULL));
}

static enum pz_err
on_frame(struct pz_link *link, struct pz_slice frame)
{
	struct raw *raw = link->owner;
	struct pz_envelope envelope;

	enum pz_err err = pz_envelope_scan(pz_frame_body(frame), &envelope);
	sim_check(world_of(raw), err == PZ_OK, "%s was sent a frame that is none: %s",
		  raw->machine->name, pz_err_name(err));
	if (envelope.is_register) {
		sim_check(world_of(raw), !raw->is_live, "registered twice");
		pz_link_establish(link);
		raw->is_live = true;
		if (raw->events->live)
			raw->events->live(raw);
	} else if (envelope.type != PZ_MESSAGE_PROP && raw->events->frame) {
		raw->events->frame(raw, frame);
	}
	return PZ_OK;
}

static void
on_keepalive(struct pz_link *link)
{
	struct raw *raw = link->owner;
	struct pz_buf out;

	pz_buf_init(&out, PZ_FRAME_BYTES_ENROL, NULL);
	send_built(raw, &out, pz_message_prop(&out, raw->address, SIM_ZONE, "keepAlive", NULL));
}

static void
on_drained(struct pz_link *link)
{
	struct raw *raw = link->owner;

	if (raw->events->drained)
		raw->events->drained(raw);
}

static void
on_closed(struct pz_link *link, enum pz_err why, const char *detail, struct pz_slice undelivered)
{
	struct raw *raw = link->owner;

	sim_note(world_of(raw), "%s lost its link: %s: %s", raw->machine->name, pz_err_text(why),
		 detail);
	raw->link = NULL;
	raw->is_live = false;
	if (raw->events->closed)
		raw->events->closed(raw, undelivered);
	if (!raw->is_done)
		pz_env_start(&raw->machine->env, &raw->retry, SIM_S);
}

static const struct pz_link_events link_events = {
	.secured = on_secured,
	.frame = on_frame,
	.keepalive = on_keepalive,
	.drained = on_drained,
	.closed = on_closed,
};

/* ---- connecting ---- */

static void
on_connected(void *arg, struct pz_stream *stream)
{
	struct raw *raw = arg;
	struct pz_expect expect = {.zone = SIM_ZONE, .role = PZ_EXPECT_HUB};
	struct pz_tls *tls = NULL;
	char tag[PZ_SNI_TAG_CHARS + 1], sni[PZ_SNI_TAG_CHARS + 16];

	pz_zone_sni_tag(pz_slice_str(SIM_ZONE), tag);
	snprintf(sni, sizeof(sni), "%s.pz.invalid", tag);
	raw->dial = NULL;
	raw->is_reading = true;
	sim_check(world_of(raw),
		  pz_tls_new_client(raw->ctx, sni, &expect, &tls) == PZ_OK &&
			  pz_link_new(&raw->link_host, stream, tls, PZ_CONNECT_TIMEOUT_US, raw,
				      &raw->link) == PZ_OK,
		  "cannot make a link");
}

static void
on_dial_failed(void *arg, enum pz_err err, const char *detail)
{
	struct raw *raw = arg;

	(void)err;
	(void)detail;
	raw->dial = NULL;
	pz_env_start(&raw->machine->env, &raw->retry, SIM_S);
}

void
raw_connect(struct raw *raw)
{
	static const struct pz_dial_events events = {.connected = on_connected,
						     .failed = on_dial_failed};
	struct pz_transport t = vhost_transport(raw->machine->host);

	raw->is_done = false;
	if (raw->link || raw->dial)
		return;
	sim_check(world_of(raw),
		  t.ops->dial(t.self, raw->membership->hub_host, raw->membership->hub_port, &events,
			      raw, &raw->dial) == PZ_OK,
		  "cannot dial");
}

static void
on_retry(struct pz_timer *timer, void *arg)
{
	(void)timer;
	raw_connect(arg);
}

static bool
is_live(struct world *world, void *arg)
{
	(void)world;
	return ((struct raw *)arg)->is_live;
}

void
raw_await_live(struct raw *raw)
{
	raw_connect(raw);
	sim_check(world_of(raw), world_run_until(world_of(raw), 10 * SIM_MINUTE, is_live, raw),
		  "%s does not get a link", raw->machine->name);
}

/* ---- life ---- */

static void
load(struct raw *raw)
{
	struct sim_node *machine = raw->machine;
	struct pz_errinfo info = {""};
	struct pz_store *store = pz_store_new_memory(&machine->env, machine->disk, 0);
	struct pz_trust *trust = pz_trust_new();

	if (store == NULL || trust == NULL)
		abort();
	enum pz_err err = pz_membership_load(store, machine->keys, &raw->membership, &info);
	pz_store_free(store);
	sim_check(world_of(raw), err == PZ_OK && raw->membership, "%s is not enrolled: %s",
		  machine->name, info.text);
	struct pz_membership *m = raw->membership;
	struct pz_cert *chain[] = {m->tls, m->device_ca};
	struct pz_tls_config config = {
		.kind = PZ_TLS_CLIENT,
		.chain = chain,
		.chain_len = 2,
		.key = m->tls_key,
		.trust = trust,
		.env = &machine->env,
	};
	err = pz_trust_add(trust, m->master, m->crl, &info);
	if (err == PZ_OK)
		err = pz_tls_ctx_new(&config, &raw->ctx, &info);
	pz_trust_free(trust);
	sim_check(world_of(raw), err == PZ_OK, "no TLS context: %s", info.text);
}

struct raw *
raw_new(struct sim_node *hub, const char *name, const struct raw_events *events, void *arg)
{
	struct raw *raw = calloc(1, sizeof(*raw));

	if (raw == NULL)
		abort();
	raw->machine = zone_add(hub, name);
	raw->events = events;
	raw->arg = arg;
	sim_stop(raw->machine);
	load(raw);
	snprintf(raw->address, sizeof(raw->address), SIM_ZONE "/%s", name);
	raw->link_host = (struct pz_link_host){
		.env = &raw->machine->env,
		.turn = &raw->machine->turn,
		.metrics = &raw->metrics,
		.events = &link_events,
		.frame_max = PZ_FRAME_BYTES_DEFAULT,
	};
	pz_timer_init(&raw->retry, on_retry, raw);
	return raw;
}

void
raw_free(struct raw *raw)
{
	if (raw == NULL)
		return;
	raw->is_done = true;
	pz_env_stop(&raw->machine->env, &raw->retry);
	if (raw->dial)
		vhost_transport(raw->machine->host).ops->dial_cancel(raw->dial);
	if (raw->link)
		pz_link_close(raw->link, PZ_OK, "");
	pz_turn_end(&raw->machine->turn);
	pz_tls_ctx_free(raw->ctx);
	pz_membership_free(raw->membership);
	free(raw);
}

void
raw_set_reading(struct raw *raw, bool on)
{
	raw->is_reading = on;
	if (raw->link)
		raw->link->session.ops->set_reading(&raw->link->session, on);
}

size_t
raw_queued(const struct raw *raw)
{
	return raw->link ? raw->link->session.queued : 0;
}

enum pz_err
raw_send(struct raw *raw, struct pz_slice frame)
{
	return raw->is_live ? pz_link_send(raw->link, frame) : PZ_ERR_IO_CLOSED;
}

void
raw_flush(struct raw *raw)
{
	pz_turn_end(&raw->machine->turn);
}
