/*
 * The first message on a link, in both directions (page 4): who sends, and how long frames may be.
 * When it is sent, and what follows from it, is with the owners of links: uplink, peers, hub.
 */
#include "net/register.h"

#include "wire/message.h"

enum pz_err
pz_link_send_register(struct pz_link *link, const char *from, const char *replaces)
{
	struct pz_buf out;

	/* A stranger's frame is never longer than this, so an end that knows no limits takes it. */
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
	/* TLS has proved who the other end is; the message may say the same and nothing else. */
	if (!pz_slice_eq(envelope->from, pz_session_address(&link->session)))
		return PZ_ERR_DENIED_IDENTITY;
	/* One that does not say takes what we take: it is of the same age. */
	link->session.frame_max = pz_message_frame_max(envelope, link->host->frame_max);
	return PZ_OK;
}
