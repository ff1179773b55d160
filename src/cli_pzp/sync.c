/* pzp sync: exchanges the zone's data with the hub and with each linked device, and shows what
 * moved. Fails when an exchange was not completed, so that a script sees it.
 * @spec page 8, page 12 */
#include <stdlib.h>

#include "cli/run.h"
#include "cli/text.h"
#include "cli_pzp/commands.h"

#define SYNC_TIMEOUT_MS 30000U /* the daemon gives its partners 20 s */

/* "received 2 user-details, 1 crl". @param lead of the next part; returns that of the one after */
static const char *
print_moved(const struct pz_cli *cli, const char *lead, const char *verb, const json_t *moved)
{
	const char *between = " ", *item;
	json_t *count;

	if (json_object_size(moved) == 0)
		return lead;
	fprintf(cli->out, "%s%s", lead, verb);
	json_object_foreach ((json_t *)moved, item, count) {
		char scratch[32];
		char *clean = pz_cli_clean(item, false);

		fprintf(cli->out, "%s%s %s", between, pz_cli_member(moved, item, scratch),
			clean ? clean : "");
		between = ", ";
		free(clean);
	}
	return "; ";
}

/* One line for each that was synchronised with. */
static int
print_partners(struct pz_cli *cli, const json_t *partners)
{
	json_t *partner;
	size_t i;

	json_array_foreach (partners, i, partner) {
		const json_t *received = json_object_get(partner, "received");
		const json_t *sent = json_object_get(partner, "sent");
		bool is_complete = json_is_true(json_object_get(partner, "complete"));
		char scratch[32];
		char *id = pz_cli_clean(pz_cli_member(partner, "id", scratch), false);

		fprintf(cli->out, "%s  ", id ? id : "");
		const char *lead = print_moved(cli, "", "received", received);
		lead = print_moved(cli, lead, "sent", sent);
		if (!is_complete)
			fprintf(cli->out, "%snot complete", lead);
		else if (lead[0] == '\0')
			fputs("nothing to move", cli->out);
		fputc('\n', cli->out);
		free(id);
	}
	return PZ_EXIT_DONE;
}

static bool
is_complete(const json_t *partners)
{
	for (size_t i = 0; i < json_array_size(partners); i++)
		if (!json_is_true(json_object_get(json_array_get(partners, i), "complete")))
			return false;
	return true;
}

int
pz_pzp_cmd_sync(struct pz_cli *cli)
{
	json_t *partners = NULL;
	int status = pz_cli_request(cli, "sync", NULL, SYNC_TIMEOUT_MS, NULL, NULL, &partners);

	if (status == PZ_EXIT_DONE && partners) {
		status = cli->json ? pz_cli_print_json(cli, partners)
				   : print_partners(cli, partners);
		if (status == PZ_EXIT_DONE && !is_complete(partners))
			status = pz_cli_fail(cli, PZ_EXIT_FAILED,
					     "not everything was exchanged: an answer did not come "
					     "in time, or a link ended; try again");
	}
	json_decref(partners);
	return status;
}
