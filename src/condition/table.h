/* The table of conditions. A new condition is one row here, a raise and a clear in the module that
 * finds it. `scripts/warnings` makes docs/warnings.md and the man pages' lists from it. */
#ifndef PZ_CONDITION_TABLE_H
#define PZ_CONDITION_TABLE_H

/*
 * X(enumerator, name, daemon, meaning, advice)
 *   name     stable, in JSON and as the id of the log line
 *   daemon   PZP, PZH or BOTH
 *   meaning  one sentence for the manual: when the condition is raised
 *   advice   what the owner should do; follows the text of the raise after a semicolon
 */
#define PZ_CONDITION_LIST(X)                                                                       \
	X(RENEWAL_FAILED, "renewal-failed", BOTH,                                                  \
	  "A certificate or revocation list is due and could not be renewed.",                     \
	  "it is tried again by itself; see the log and the free disk space")                      \
	X(ANOTHER_HUB, "another-hub", PZP,                                                         \
	  "A certificate of another hub, or of a hotspot's log-in page, is shown at the hub's "    \
	  "address.",                                                                              \
	  "log in to the network if it asks for that; if the hub was set up anew, `pzp leave` "    \
	  "and "                                                                                   \
	  "enrol again; attempts go on, at most 5 minutes apart")

#endif
