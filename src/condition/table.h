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
	X(DATA_REFUSED, "data-refused", PZP,                                                       \
	  "The hub does not take a value that this device has stored, and no other device has "    \
	  "it.",                                                                                   \
	  "remove values that are not needed, on this device or with `pzh data`")                  \
	X(ENROL_FAILED, "enrol-failed", PZH,                                                       \
	  "Attempts to enrol a device have failed within the last hour.",                          \
	  "if they were not yours, another machine guesses: let a firewall refuse its address")    \
	X(AUTHORITY_BUSY, "authority-busy", PZH,                                                   \
	  "Within the last hour devices wanted more of a zone's authority in a minute than it "    \
	  "does for them: to be enrolled, or to change its policy or its friends.",                \
	  "if it was not you: `pzh devices` and `pzh rights` show which device; `pzh revoke` it")  \
	X(MEMBER_BUSY, "member-busy", PZH,                                                         \
	  "A device, or a friend's hub, sends what costs this hub much work, without a pause: it " \
	  "is received from for a part of the time only, so that others are served.",              \
	  "if it should not: restart pzpd there, or `pzh revoke` the device")                      \
	X(IDENTITY_TWICE, "identity-twice", BOTH,                                                  \
	  "Two machines have one device's identity, for example from one disk image, and take "    \
	  "turns in being connected.",                                                             \
	  "on the copy stop pzpd, remove its data directory and enrol it again; if there should "  \
	  "be "                                                                                    \
	  "no copy, `pzh revoke` the device")                                                      \
	X(WAITING_ROOM_FULL, "waiting-room-full", BOTH,                                            \
	  "As many connections are open as may be without having proved an identity; a new one "   \
	  "ends the oldest of the busiest network.",                                               \
	  "devices still get in; if it lasts, let a firewall refuse that network")                 \
	X(STORE_FAILED, "store-failed", BOTH,                                                      \
	  "Something could not be stored: the disk is full, or the data directory cannot be "      \
	  "written.",                                                                              \
	  "make room on the disk, or make the data directory writable again; what was refused "    \
	  "meanwhile has not changed")                                                             \
	X(INBOX, "inbox", PZP,                                                                     \
	  "A file of another device could not be stored: the disk is full, or the directory "      \
	  "cannot be written.",                                                                    \
	  "make room or choose another directory (`pzp prefs files.inbox`), and send it again")    \
	X(NO_DIRECT_LINKS, "no-direct-links", PZP,                                                 \
	  "The port for direct links cannot be opened: often another program, or the pzpd of "     \
	  "another person on this machine, has it.",                                               \
	  "it is tried again each minute")                                                         \
	X(NO_WEB_PORT, "no-web-port", PZP,                                                         \
	  "The port for web pages and other local programs cannot be opened: often another "       \
	  "program, or the pzpd of another person on this machine, has it.",                       \
	  "choose another port (`pzp prefs ports.web`); it is tried again each minute")            \
	X(ANOTHER_HUB, "another-hub", PZP,                                                         \
	  "A certificate of another hub, or of a hotspot's log-in page, is shown at the hub's "    \
	  "address.",                                                                              \
	  "log in to the network if it asks for that; if the hub was set up again, `pzp leave` "   \
	  "and "                                                                                   \
	  "enrol again; attempts continue, at most 5 minutes apart")                               \
	X(CLOCK_WRONG, "clock-wrong", BOTH,                                                        \
	  "The clock of this machine is before the program's build, or before the beginning of a " \
	  "zone that is here.",                                                                    \
	  "set it, e.g. by `timedatectl set-ntp true`")                                            \
	X(HUB_CERTIFICATE_DATE, "hub-certificate-date", PZH,                                       \
	  "The hub's own certificate is not valid now: no device can connect.",                    \
	  "set the clock; the certificate is renewed by itself within ten minutes")                \
	X(CLOCKS_APART, "clocks-apart", PZP,                                                       \
	  "The clock of this device and that of the hub or of another device differ by more than " \
	  "a quarter of an hour, or by days.",                                                     \
	  "set the clocks of both, e.g. by `timedatectl set-ntp true`")                            \
	X(CERTIFICATE_DATE, "certificate-date", PZP,                                               \
	  "A link was refused because of a certificate's dates.",                                  \
	  "set the clocks of both; a certificate that has ended is renewed when its device "       \
	  "reaches the hub")                                                                       \
	X(MDNS_RESPONDER, "mdns-responder", PZP,                                                   \
	  "The process that speaks multicast DNS for this device cannot run, or ends again and "   \
	  "again.",                                                                                \
	  "devices on the local network are found late or not at all, those that the hub knows "   \
	  "are reached all the same; look for who sends such packets, or install avahi-daemon")    \
	X(MDNS_PUBLISH, "mdns-publish", PZP,                                                       \
	  "This device cannot be announced on the local network.",                                 \
	  "see disable-publishing, disable-user-service-publishing and objects-per-client-max in " \
	  "avahi-daemon.conf(5); it is tried again every 30 seconds")                              \
	X(MDNS_BROWSE, "mdns-browse", PZP, "Not all devices on the local network can be found.",   \
	  "see objects-per-client-max in avahi-daemon.conf(5); it is tried again every 30 "        \
	  "seconds")                                                                               \
	X(CRL_OVERDUE, "crl-overdue", PZP,                                                         \
	  "The zone's revocation list should have been renewed by now: later revocations are "     \
	  "not known here.",                                                                       \
	  "connect to the hub")                                                                    \
	X(HUB_SILENT, "hub-silent", PZP,                                                           \
	  "There was no contact with the hub for as many days as the preference offline-days "     \
	  "says: "                                                                                 \
	  "links with devices that are up stay, and no new one begins.",                           \
	  "connect to the hub; `pzp prefs offline-days N` allows more days")                       \
	X(DEVICE_CA_ENDS, "device-certificate-ends", PZP,                                          \
	  "The certificate that the hub gave this device ends soon; nothing renews it.",           \
	  "`pzp leave`, then enrol again, before it ends")                                         \
	X(HUB_CRL_OLDER, "hub-list-older", PZP,                                                    \
	  "The hub shows an older revocation list than this device has.",                          \
	  "what is known here counts, and the hub is sent it; if the hub was not restored from a " \
	  "backup, look at it")                                                                    \
	X(HUB_ELSEWHERE, "hub-elsewhere", PZP,                                                     \
	  "The link to the hub leads to another address than the one that counts.",                \
	  "the next connection tries the new one; see `pzp hub`, `pzp reconnect`")                 \
	X(SYNC_REFUSED, "sync-refused", BOTH,                                                      \
	  "Something that was received for synchronisation is not valid and was not taken.",       \
	  "it is left out; update the device that sends it, or find out why it sends that")        \
	X(ZONE_CA_ENDS, "zone-authority-ends", PZH,                                                \
	  "The certificate authority of a zone ends within a year; nothing renews it.",            \
	  "make a new zone and enrol the devices there before")                                    \
	X(FRIEND_REFUSED, "friend-refused", PZH,                                                   \
	  "The hub of a friend zone does not accept this hub any more.",                           \
	  "ask the friend; `pzh friend remove` ends the friendship here, too")                     \
	X(FRIEND_ENDED, "friend-ended", PZH,                                                       \
	  "The owner of a friend zone has ended the friendship; it has ended here, too.",          \
	  "nothing has to be done; `pzh friend remove` makes the warning go")                      \
	X(ZONE_MOVING, "zone-moving", PZH,                                                         \
	  "A zone moves, or has moved, to another hub: this one enrols and revokes no device of "  \
	  "it.",                                                                                   \
	  "`pzh import` it there; `pzh export --stay` ends the move; when all devices are there, " \
	  "remove the zone here")                                                                  \
	X(SERVICE_FILE, "service-file", PZP,                                                       \
	  "A service file cannot be read, is not JSON, or does not describe a service.",           \
	  "correct or remove it, then reload pzpd (SIGHUP, systemctl reload pzpd)")                \
	X(POLICY_CORRUPT, "policy-corrupt", PZP,                                                   \
	  "A policy of this device is stored and cannot be read, or is not valid: what it would "  \
	  "decide is denied.",                                                                     \
	  "set it again with `pzp policy set`, or correct the manufacturer's file and reload "     \
	  "pzpd")                                                                                  \
	X(TOO_LARGE, "too-large", BOTH,                                                            \
	  "Something is longer than the other end takes, and was not sent to it.",                 \
	  "raise limits.frame there")                                                              \
	X(AUDIT_BEHIND, "audit-behind", PZP,                                                       \
	  "Decisions of access policy cannot be recorded, or were only counted.",                  \
	  "they wait in memory, and what finds no room there is counted; make room on the disk")   \
	X(AUDIT_DAMAGED, "audit-damaged", PZP,                                                     \
	  "The log of decisions is damaged: records are missing, altered or cannot be read.",      \
	  "see `pzp audit verify`; if you did not do that, find out who writes to the data "       \
	  "directory")

#endif
