/*
 * The first message on a link, in both directions (page 4): the sender, and the longest frame that
 * it accepts. The owners of links (uplink, peers, hub) decide when to send it and what follows.
 */
#include "net/register.h"

#include "wire/message.h"

enum pz_err
pz_link_send_register(struct pz_link *link, const char *from, const char *replaces)
{
	struct pz_buf out;

	/* A stranger's frame is never longer than this, so an end that knows no limits accepts it.
	 */
	pz_buf_init(&out, PZ_FRAME_BYTES_ENROL, NULL);
	enum pz_err err = pz_message_register(&out, from, link->session.address,
					      link->host->frame_max, replaces);
	if (err == PZ_OK)
		err = pz_link_send(link, pz_buf_slice(&out));
	pz_buf_fini(&out);
	return err;
}

enum pz_err
pz_link_take_register(struct pz_link *link, const struct pz_envelope *envelope)
{
	/* TLS has proved the identity of the other end; the message must agree with it. */
	if (!pz_slice_eq(envelope->from, pz_session_address(&link->session)))
		return PZ_ERR_DENIED_IDENTITY;
	/* An end that gives no limit accepts what we accept: it has the same version. */
	link->session.frame_max = pz_message_frame_max(envelope, link->host->frame_max);
	return PZ_OK;
}
