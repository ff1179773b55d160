/*
 * Every limit that a peer, a stranger or a file can push against: name, value, unit, reason. Each
 * has a test. The ones that an operator may change are defaults of the settings table (src/conf).
 */
#ifndef PZ_BASE_LIMITS_H
#define PZ_BASE_LIMITS_H

/* ---- log (page 14 LOG-6) ---- */
#define PZ_LOG_LINES_PER_S 20         /* that one device or address can cause */
#define PZ_LOG_RING_BYTES (64U << 10) /* the newest lines, kept in memory for a report */

/* ---- names (page 1) ---- */
#define PZ_ZONE_BYTES_MIN 3           /* a@b */
#define PZ_ZONE_BYTES_MAX 254         /* RFC 5321 4.5.3.1.3: a mail path */
#define PZ_DEVICE_BYTES_MAX 63        /* fits a DNS label (RFC 1035 2.3.4) */
#define PZ_HOST_BYTES_MAX 253         /* a DNS name as text (RFC 1035 2.3.4) */
#define PZ_DISPLAY_NAME_BYTES_MAX 128 /* shown to people */
#define PZ_DEVICE_TYPE_BYTES_MAX 64   /* the same: a word such as "laptop" */
#define PZ_APP_BYTES_MAX 128          /* chosen by ourselves; bounds a parse */
/* zone "/" device "/" app */
#define PZ_ADDRESS_BYTES_MAX (PZ_ZONE_BYTES_MAX + 1 + PZ_DEVICE_BYTES_MAX + 1 + PZ_APP_BYTES_MAX)

/* ---- frames and messages (page 4) ---- */
#define PZ_FRAME_BYTES_DEFAULT (1U << 20) /* 1 MiB */
#define PZ_FRAME_BYTES_MAX (16U << 20)    /* hard upper bound of the setting */
#define PZ_FRAME_BYTES_ENROL (64U << 10)  /* before a device has proved anything (page 3) */
#define PZ_FRAME_HEADER_BYTES 4           /* unsigned little-endian length */
#define PZ_JSON_DEPTH_MAX 64              /* page 4: nesting over 64 closes the link */
/* page 14 PRS-3: of one text that becomes a tree; a value takes up to 200 bytes of memory, however
 * short it is written */
#define PZ_JSON_VALUES_MAX 50000
/* top-level members of one message; keeps the duplicate check linear */
#define PZ_ENVELOPE_MEMBERS_MAX 64
#define PZ_METHOD_BYTES_MAX 512 /* page 7, 5 */

/* ---- pressure (page 4) ---- */
#define PZ_QUEUE_HIGH_BYTES (4U << 20) /* stop reading what feeds this link */
#define PZ_QUEUE_LOW_BYTES (1U << 20)  /* continue */
/* one link's queue in any case: high mark + what sources already read + one frame */
#define PZ_QUEUE_MAX_BYTES (40U << 20)
#define PZ_SLOW_CONSUMER_US (10 * PZ_US_PER_S)

/* What one member may send (route/allowance.h). At once, and without an answer: twice what the
 * busiest caller of page 13 has outstanding; a device works on them for some 20 ms. */
#define PZ_MEMBER_MESSAGES_MAX 2048
/* Without any answer, for as long as it likes: what sensors and streams send. */
#define PZ_MEMBER_MESSAGES_PER_S 1000

/* Work that one member's messages to its hub may cost the hub in a row: some hundred times an
 * ordinary one. Then it is not received from for this many times as long, and others are served. */
#define PZ_WORK_US (5 * PZ_US_PER_MS)
#define PZ_WORK_REST_FACTOR 2
#define PZ_WORK_REST_MAX_US (1 * PZ_US_PER_S)
#define PZ_WORK_WINDOW_US (10 * PZ_US_PER_S) /* rests of more than a quarter: a warning */

/* ---- time (pages 2 to 5) ---- */
#define PZ_CONNECT_TIMEOUT_US (15 * PZ_US_PER_S)
#define PZ_HANDSHAKE_TIMEOUT_US (15 * PZ_US_PER_S) /* accepted connection to registered */
#define PZ_ENROL_IDLE_US (30 * PZ_US_PER_S)        /* page 3: 30 s without progress */
#define PZ_KEEPALIVE_SEND_US (30 * PZ_US_PER_S)
#define PZ_KEEPALIVE_DEAD_US (60 * PZ_US_PER_S)
#define PZ_BACKOFF_FIRST_US (1 * PZ_US_PER_S)
#define PZ_BACKOFF_MAX_US (60 * PZ_US_PER_S)
/* connected this long: start again at the first step */
#define PZ_BACKOFF_RESET_US (60 * PZ_US_PER_S)
/* a link to the hub that is lost so soon after a change of the network is lost by the change */
#define PZ_NETWORK_SETTLES_US (30 * PZ_US_PER_S)
#define PZ_BACKOFF_QUICK 3 /* shorter connections in a row that still get the first step */
/* waiting hardly helps: a hub of another zone answers at the address */
#define PZ_BACKOFF_SLOW_FIRST_US (30 * PZ_US_PER_S)
#define PZ_BACKOFF_SLOW_MAX_US (300 * PZ_US_PER_S) /* page 5: at most 5 minutes apart */
#define PZ_CALL_TIMEOUT_US (30 * PZ_US_PER_S)
#define PZ_LIVENESS_WATCH_US (1 * PZ_US_PER_S)    /* a call without any sign of life: probe */
#define PZ_LIVENESS_PATIENCE_US (5 * PZ_US_PER_S) /* then a link is dead that gives none */
#define PZ_LIVENESS_TICK_US (500 * PZ_US_PER_MS)  /* how often a probe's way is looked at */
/* nothing is acknowledged: TCP has sent it six times by then */
#define PZ_LIVENESS_STALLED_US (15 * PZ_US_PER_S)
/* on a link that others carry: bytes whose record is not whole count as a sign of life for this
 * long, in which 16 KiB come by 10 kbit/s; those who carry it can make up such bytes */
#define PZ_LIVENESS_UNVERIFIED_US (15 * PZ_US_PER_S)
/* longer is not believed: an end that delays its answers would never count as dead */
#define PZ_LIVENESS_ROUND_TRIP_MAX_US (10 * PZ_US_PER_S)
#define PZ_SOCKET_UNSENT_BYTES (64U << 10) /* in the system's buffer; more waits in our queue */
#define PZ_DIAL_ADDRESSES_MAX 32 /* of one name: a name server may answer with thousands */
/* threads that look up names, including those whose result is not wanted any more: one may live for
 * half a minute, and a change of the network starts a new one */
#define PZ_LOOKUPS_MAX 8
#define PZ_HAPPY_EYEBALLS_US (250 * PZ_US_PER_MS) /* head start of an address (RFC 8305 5) */
#define PZ_LINK_IDLE_US (5 * PZ_US_PER_S) /* then a link's TLS buffers are given back (page 13) */
#define PZ_ZONE_TAG_DAYS_MAX 42 /* a tag of the day is known this long before and after it */
#define PZ_CLOCKS_APART_MS (UINT64_C(15) * 60 * 1000) /* the owner is warned from here on */
#define PZ_CLOCK_SKEW_S 300                           /* notBefore is set back by this (page 2) */

/* ---- hub (page 4 "Pressure") ---- */
#define PZ_HUB_UNAUTH_MAX 1024 /* connections that have not proved an identity, all addresses */
#define PZ_HUB_UNAUTH_PER_ADDRESS_MAX 64 /* the same, from one address */
#define PZ_HUB_PER_ADDRESS_MAX 20000     /* links from one address (carrier NAT, a test bench) */
#define PZ_UNAUTH_SITE_FACTOR 4 /* an IPv6 /48 may have this many times what a /64 may have */
/* accepted connection to a whole ClientHello, which follows at once */
#define PZ_HELLO_TIMEOUT_US (3 * PZ_US_PER_S)
/* a full waiting room is logged this often at most */
#define PZ_DOORWAY_CALM_US (60 * PZ_US_PER_S)
/* descriptors without which no daemon starts: one that is idle has up to 30 open */
#define PZ_FILES_MIN 64
/* descriptors that connections leave to the owner's commands */
#define PZ_FILES_RESERVED_MAX PZ_CTL_CLIENTS_MAX
#define PZ_LINGERING_MAX 1024 /* closed connections that wait for the other end's hang-up */
/* a link that has ended has so long, and so many bytes of props, for what it was given before */
#define PZ_FAREWELL_US (2 * PZ_US_PER_S)
#define PZ_FAREWELL_BYTES (64U << 10)
/* one costs about a millisecond: others are served in between */
#define PZ_HANDSHAKES_PER_TURN_MAX 8

/* ---- peers (page 6) ---- */
#define PZ_VERSION_TEXT_BYTES 32 /* of a version that the hub sends, with its NUL */
#define PZ_PEER_ADDRESSES_MAX 16 /* that a device says it has, and that are tried for it */
/* with those found on the local network */
#define PZ_PEER_TRIES_MAX (PZ_PEER_ADDRESSES_MAX + PZ_NEARBY_ADDRESSES_MAX)
#define PZ_PEER_LISTEN_AGAIN_US (60 * PZ_US_PER_S) /* a port that another program has */
/* what one device tries for others that ask whether they can be reached (`pzp doctor`) */
#define PZ_PEER_TRIALS_MAX 8                     /* devices at once */
#define PZ_PEER_TRIAL_ADDRESSES_MAX 8            /* of each */
#define PZ_PEER_TRIAL_US (4 * PZ_US_PER_S)       /* for all of them */
#define PZ_PEER_TRIAL_EVERY_US (2 * PZ_US_PER_S) /* for one device: no more often */
#define PZ_PEER_TRIAL_PEERS_MAX 3                /* that this device asks at once */
#define PZ_PEER_TRIAL_WAIT_US (8 * PZ_US_PER_S)  /* for their answers */
#define PZ_PEER_ATTEMPTS_MAX 64                  /* peers looked for at once */
/* attempts at devices without a known name: any machine may announce such */
#define PZ_PEER_ANONYMOUS_MAX 8
#define PZ_PEER_LINKS_MAX 1024           /* connections with peers, also those that prove nothing */
#define PZ_PEER_FRIENDS_MAX 256          /* friends' devices that are met, so that ours have room */
#define PZ_PEER_PER_FRIEND_MAX 64        /* the same, of one zone */
#define PZ_PEER_UNAUTH_MAX 64            /* incoming ones that have proved nothing, all addresses */
#define PZ_PEER_UNAUTH_PER_ADDRESS_MAX 8 /* the same, from one address */
#define PZ_PEER_REACH_MAX 1024           /* devices that one peer says it has links with */
#define PZ_PEER_RETRIES_ALONE 6          /* after a loss while there is no hub: about a minute */
#define PZ_PEER_SEEK_US (3 * PZ_US_PER_S)    /* listening for a peer that was asked for */
#define PZ_PEER_CONTEST_US (3 * PZ_US_PER_S) /* likewise when a newer link waits */
#define PZ_PEER_DRAIN_US (5 * PZ_US_PER_S)   /* frames of a replaced link are accepted this long */
/* strangers side by side (page 6) */
#define PZ_PAIR_WINDOW_US (120 * PZ_US_PER_S) /* for people to find, to compare, and to answer */
/* what one shows of itself: two certificates, each far below its limit, and names; with what JSON
 * adds it fits into a frame of PZ_FRAME_BYTES_ENROL */
#define PZ_PAIR_INFO_BYTES_MAX (40U << 10)
#define PZ_PAIR_CONNECTIONS_MAX 4          /* in a window: ours, the partner's, and strays */
#define PZ_PAIR_TARGETS_MAX 32             /* addresses tried in a window */
#define PZ_PAIR_AGAIN_US (2 * PZ_US_PER_S) /* one that failed: the other window may open later */
/* the other end, which comes first by name, dials; where it has not, we do */
#define PZ_PAIR_TURN_US (3 * PZ_US_PER_S)
/* for our own connection with the same device, which is the one that counts */
#define PZ_PAIR_HOLD_US (2 * PZ_US_PER_S)
/* friends whose devices recognise an announcement: 64 digits of TXT */
#define PZ_NEARBY_FRIENDS 8
#define PZ_NEARBY_INSTANCES_MAX 256           /* known on the local network at a time */
#define PZ_NEARBY_STRANGERS_MAX 192           /* of them without our zone's tag */
#define PZ_NEARBY_DATE_US (600 * PZ_US_PER_S) /* the clock may be set: the date is looked at */
/* an announcement of our zone by no known device: tried again, with names that have come since */
#define PZ_NEARBY_AGAIN_US (10 * PZ_US_PER_S)
/* tags that are computed to recognise devices: three for each device, a microsecond each */
#define PZ_NEARBY_TAGS_PER_S 30000
#define PZ_NEARBY_ADDRESSES_MAX 8            /* of one instance */
#define PZ_RESEND_KEEP_US (20 * PZ_US_PER_S) /* an answer that may be lost with its link */
#define PZ_RESEND_ANSWERS_MAX 256
#define PZ_RESEND_BYTES_MAX (1U << 20)

#define PZ_INFO_ADDRESSES_MAX (2 * PZ_PEER_ADDRESSES_MAX) /* taken of what one device says */

/* without word from the hub: then no new links (page 14, REV-6); preference */
#define PZ_OFFLINE_DAYS 7
#define PZ_OFFLINE_DAYS_MAX 365

/* ---- friends (page 6) ---- */
#define PZ_FRIEND_DEVICES_MAX 1024  /* of one friend zone that are known here (page 7, 4) */
#define PZ_FRIEND_SERVICES_MAX 4096 /* of one friend zone in the answer to a search */
#define PZ_BORDER_FIND_US                                                                          \
	(1500 * PZ_US_PER_MS)          /* for a friend's hub to answer a search: the device        \
					* waits 2 s */
#define PZ_BORDER_FINDS_MAX 1024       /* searches in friend zones under way, of one zone */
#define PZ_BORDER_FINDS_PER_S 100      /* of one friend zone: each looks at all services */
#define PZ_BORDER_FIND_ID_BYTES_MAX 64 /* is sent back; a UUID has 36 */
#define PZ_FRIENDS_MAX 512 /* of one zone: with deletions, half of what the item may hold */
/* of a friend as it is stored and sent: its CA certificate, escaped, and a page of names */
#define PZ_FRIEND_TEXT_BYTES_MAX (PZ_CERT_PEM_BYTES_MAX + (8U << 10))

#define PZ_FRIEND_CHANGES_MAX                                                                      \
	4 /* that a friend's hub has sent, before the disk: more are left out */
/* of a revocation list in the exchange of an invitation, whose frames are short; a longer one comes
 * with the link */
#define PZ_FRIEND_CRL_BYTES_MAX (32U << 10)
#define PZ_FRIEND_COMMAND_US (50 * PZ_US_PER_S) /* for the hub to run one; it may dial another */
#define PZ_FRIEND_COMMANDS_MAX 16 /* of the devices of one zone that wait; each may dial a hub */
#define PZ_INVITATION_MS (UINT64_C(24) * 3600 * 1000) /* that an invitation to a friend counts */
#define PZ_INVITATIONS_MAX 32 /* of one zone that count at once: each is one line in a link */
#define PZ_INVITATION_LINK_BYTES_MAX 2048 /* every byte of host and zone escaped, and the rest */

/* ---- relaying (page 6) ---- */
#define PZ_INSTANCE_BYTES_MAX 40 /* a device's name for its own start */

/* ---- channels (page 15) ---- */
/* both directions, and those whose close is not answered (page 15 "Limits") */
#define PZ_CHANNELS_PER_LINK_MAX 64
#define PZ_CHANNEL_WINDOW_BYTES (256U << 10) /* at first */
/* of bulk at first: more in flight costs less CPU and lets calls wait longer behind it; and on a
 * link that travels in a channel, where all of it may wait in one place */
#define PZ_CHANNEL_BULK_WINDOW_BYTES (512U << 10)
/* while messages come on the link, which wait behind data: a window counts for what the way takes
 * at this rate, 64 MB/s, where the way is short; on a long way it counts in full */
#define PZ_CHANNEL_SHARED_BYTES_PER_US 64
#define PZ_CHANNEL_SHARED_WAY_US (2 * PZ_US_PER_MS)
#define PZ_CHANNEL_SHARED_US (250 * PZ_US_PER_MS) /* after the last of them */
#define PZ_CHANNEL_CARRIED_WINDOW_BYTES (64U << 10)
#define PZ_CHANNEL_WINDOW_BYTES_MAX (4U << 20) /* doubled up to this on a long way */
#define PZ_CHANNEL_FLUSH_BYTES (64U << 10)     /* of all channels, between two looks at messages */
/* of our own in a channel's queue; more waits above it */
#define PZ_CHANNEL_UNSENT_BYTES (64U << 10)
#define PZ_CHANNEL_OPEN_US (15 * PZ_US_PER_S) /* an open that is not answered */
#define PZ_CHANNEL_REASON_BYTES_MAX 64        /* of a close; one word */
#define PZ_CHANNEL_KIND_BYTES_MAX 32
#define PZ_HUB_SPLICES_PER_PAIR_MAX 4 /* between two devices, whichever opened */
#define PZ_RELAY_SPLICES_MAX 256      /* of a device that relays, in all */
#define PZ_RELAY_SPLICES_PER_DEVICE_MAX 8
#define PZ_RELAYS_TRIED_MAX 4                     /* of those that reach a device */
#define PZ_UPLINK_HEAD_START_US (2 * PZ_US_PER_S) /* of the hub's address over a relay */
#define PZ_UPLINK_AGAIN_US (60 * PZ_US_PER_S)     /* that address is tried while a relay is used */
#define PZ_SPLICE_IDLE_US (600 * PZ_US_PER_S)     /* without a byte */
#define PZ_SPLICE_WINDOW_BYTES_MIN (64U << 10)    /* when there is little room for windows */
#define PZ_SPLICE_BYTES_MAX (64U << 20)           /* windows of all spliced channels of one node */
/* of those of one opener: devices that open much leave room for others */
#define PZ_SPLICE_OPENER_BYTES_MAX (PZ_SPLICE_BYTES_MAX / 4)

/* ---- files (page 15 "Kind file"): another device of the zone sends names and bytes ---- */
#define PZ_TRANSFER_NAME_BYTES_MAX 255  /* of one component: what file systems take */
#define PZ_TRANSFER_PATH_DEPTH_MAX 32   /* directories above a file */
#define PZ_TRANSFER_PATH_BYTES_MAX 2048 /* all of them: half of what the system takes */
#define PZ_TRANSFER_FILE_BYTES_MAX 4096 /* where a receiver says that it has stored one */
#define PZ_TRANSFER_ID_BYTES_MAX 40     /* of one sending: a UUID fits */
#define PZ_TRANSFERS_ASKED_MAX 32       /* files about which a person is, or was, asked */
/* an offer keeps its channel so long while a person is asked: less than PZ_CHANNEL_OPEN_US */
#define PZ_TRANSFER_ASK_HOLD_US (10 * PZ_US_PER_S)
/* its sender tries again by then, or the question ends */
#define PZ_TRANSFER_ASK_AGAIN_US (20 * PZ_US_PER_S)
#define PZ_TRANSFER_ALLOWED_US (UINT64_C(86400) * PZ_US_PER_S) /* from one try to the next */
#define PZ_TRANSFERS_PER_PEER_MAX 8 /* files at once with one device, each way */
#define PZ_TRANSFERS_MAX 32         /* received at once; each has a window and a buffer */
#define PZ_TRANSFER_RESTING_MAX 64  /* files begun that are kept open without a link */
#define PZ_TRANSFER_REST_US (300 * PZ_US_PER_S)  /* they are kept open this long */
#define PZ_TRANSFER_IDLE_US (120 * PZ_US_PER_S)  /* without a byte: the other end is stuck */
#define PZ_TRANSFER_STORE_US (600 * PZ_US_PER_S) /* for the other end's disk to sync it all */
#define PZ_TRANSFER_ENDS_MAX 16 /* by the receiver, without a byte more than before */
#define PZ_TRANSFER_PATIENCE_US (60 * PZ_US_PER_S) /* for a new way after a break */
#define PZ_TRANSFER_LINK_US (10 * PZ_US_PER_S)     /* a private link that no file uses stays */
#define PZ_TRANSFER_BLOCK_BYTES (256U << 10)       /* read, hashed or written by one job */
#define PZ_TRANSFER_HOLE_BYTES ((size_t)4096)      /* a block of zeros that is left out of a file */
#define PZ_TRANSFER_UNSENT_BYTES (512U << 10)      /* read and not sent yet */
#define PZ_TRANSFER_BACKLOG_BYTES (1U << 20)       /* received, credited and not written yet */
#define PZ_TRANSFER_GATHER_US (50 * PZ_US_PER_MS)  /* less than a block is written after it */
#define PZ_TRANSFER_PARTS_MAX 1024                 /* unfinished files in one inbox */
#define PZ_TRANSFER_PART_KEEP_S (7 * 86400)        /* then an unfinished one is removed */
#define PZ_TRANSFER_NUMBER_MAX 999                 /* of "name (1)": more is no accident */
/* of a friend zone, all its devices together: own devices always find a place */
#define PZ_TRANSFERS_GUESTS_MAX 16      /* received at once, of all friends */
#define PZ_TRANSFER_GUEST_PARTS_MAX 256 /* unfinished files in one inbox, of all friends */
#define PZ_TRANSFER_GUEST_DAY_BYTES (16ULL << 30) /* received of one friend zone in 24 h */
#define PZ_TRANSFER_RECORDS_MAX 1024              /* listed by `pzp inbox`: the newest */

/* ---- enrolment (page 3) ---- */
#define PZ_CODE_DIGITS 8
#define PZ_CODE_TTL_MAX_S 600
#define PZ_CODE_ATTEMPTS_MAX 5 /* from one address, an IPv6 /64 being one; then it waits */
#define PZ_CODE_WAIT_US (30 * PZ_US_PER_S) /* doubled with each further attempt */
#define PZ_CODE_TRIES_MAX 50 /* from all addresses: a guess is right in 5 of 10 million cases */
#define PZ_ENROL_FAILED_SHOWN_US (3600 * PZ_US_PER_S) /* after the last one */
/* Enrolments of one zone at once, and as many more in a minute; the rest waits. A family that sets
 * up its devices in one evening does not reach it; page 14 CERT-7 wants 20 in a minute to. */
#define PZ_SIGNATURES_PER_MINUTE 16
#define PZ_SIGNATURES_WITHIN_US (60 * PZ_US_PER_S)
#define PZ_SIGNATURES_MAX 240                     /* of the setting */
#define PZ_SIGNING_PATIENCE_US (20 * PZ_US_PER_S) /* less than a device waits: PZ_ENROL_IDLE_US */
/* Policies and friends that devices of one zone change within a minute: what a script of `pzp
 * allow` does, while a device that floods has each of them signed, stored and sent to all. */
#define PZ_AUTHORITY_CHANGES_PER_MINUTE 120
#define PZ_CODES_MAX 17 /* of one zone at once: one for any device, 16 for devices by name */

/* ---- services (page 7) ---- */
#define PZ_API_BYTES_MAX 256
#define PZ_SERVICE_NAME_BYTES_MAX 128
#define PZ_SERVICE_DESCRIPTION_BYTES_MAX 512
#define PZ_SERVICES_PER_DEVICE_MAX 256
#define PZ_METHODS_PER_SERVICE_MAX 64 /* that a descriptor lists; one message holds them */
#define PZ_METHOD_NAME_BYTES_MAX 127  /* of a function or a parameter in it */
#define PZ_METHOD_PARAMS_MAX 16       /* parameters of one function in it */
#define PZ_METHOD_TEXT_BYTES_MAX 256  /* what it does, what it returns */
#define PZ_ANNOUNCEMENT_BYTES_MAX (512U << 10)
#define PZ_DEVICES_PER_ZONE_MAX 16384 /* page 13 speaks of 10 000 on a hub */
#define PZ_FORMER_HOLDERS_MAX 8       /* of a device's name, kept to be shown to the owner */
#define PZ_BATCH_REQUESTS_MAX 256     /* an invalid or undeliverable member costs an answer each */
#define PZ_LISTENERS_PER_PEER_MAX 64
#define PZ_LISTENERS_MAX 1024
#define PZ_PENDING_CALLS_MAX 65536 /* outstanding requests of one node */
#define PZ_FIND_RESULTS_MAX 256
#define PZ_FIND_ZONES_MAX 8       /* that one search asks: each costs a question to a hub */
#define PZ_REPLAY_WINDOW_MAX 4096 /* message ids remembered per peer */

/* ---- commands as services (page 12) ---- */
#define PZ_COMMAND_TIMEOUT_S_DEFAULT 10
#define PZ_COMMAND_TIMEOUT_S_MAX 3600
#define PZ_COMMAND_OUTPUT_BYTES_MAX (256U << 10) /* one result, or one line of a stream */
#define PZ_COMMAND_STDERR_BYTES_MAX 4096         /* the tail that can become an error message */
#define PZ_COMMAND_RUNNING_MAX 16                /* processes at once per service */
#define PZ_COMMAND_FILE_BYTES_MAX (64U << 10)

/* ---- discovery on the local network (page 6): any machine there can send anything ---- */
#define PZ_MDNS_TXT_MAX 32            /* strings of one announcement that are looked at */
#define PZ_MDNS_TXT_BYTES_MAX 1300    /* RFC 6763 6.2: all of them in one packet */
#define PZ_MDNS_PACKET_BYTES_MAX 9000 /* RFC 6762 17: of one datagram; larger ones are dropped */
/* between node and responder: a datagram's record and more */
#define PZ_MDNS_MESSAGE_BYTES_MAX 9100
#define PZ_MDNS_MESSAGE_TEXT_BYTES_MAX 2048          /* all strings of one of them */
#define PZ_MDNS_RESPONDER_QUEUE_BYTES_MAX (1U << 20) /* not read by the responder: it is stuck */
#define PZ_MDNS_RESPONDER_BYTES_MAX (64U << 20)      /* memory of its process */
#define PZ_MDNS_RESPONDER_ALARM_S 60 /* without a message from pzpd it ends by itself */
/* of a daemon for its processes to end: also for killed ones to be gone, on a busy machine */
#define PZ_LOOP_END_MS 5000
#define PZ_MDNS_RESPONDER_END_MS 1000               /* to say goodbye; then it is killed */
#define PZ_MDNS_BEAT_US (10 * PZ_US_PER_S)          /* it has to answer within this */
#define PZ_MDNS_RESTART_US (250 * PZ_US_PER_MS)     /* after it died; doubled with each death */
#define PZ_MDNS_RESTART_MAX_US (3600 * PZ_US_PER_S) /* and no longer than this */
#define PZ_MDNS_DEATHS_MAX 3                        /* the owner is warned from then on */
#define PZ_MDNS_WELL_US (600 * PZ_US_PER_S)   /* it lived for this: its deaths are forgotten */
#define PZ_MDNS_INSTANCES_MAX 128             /* known at once; each costs four look-ups */
#define PZ_MDNS_LOOK_US (1 * PZ_US_PER_S)     /* for an instance to show its records in a crowd */
#define PZ_MDNS_REPLACED_PER_S_MAX 512        /* instances that give way to others */
#define PZ_MDNS_FORMER_MAX 4096               /* names of those, which are not looked at again */
#define PZ_MDNS_CROWD_US (500 * PZ_US_PER_MS) /* in a crowd: instances are queried again */
#define PZ_MDNS_RECORDS_MAX 64 /* of one instance: interfaces x protocols x addresses */
#define PZ_MDNS_RECORD_BYTES_MAX (8U << 10) /* of one instance, all records */
#define PZ_MDNS_LOOKUPS_PER_TURN_MAX 16     /* started at once; one may be a D-Bus call */
#define PZ_MDNS_ADDRESSES_MAX 64            /* of this machine that are announced */
#define PZ_MDNS_COLLISIONS_MAX 10 /* new names at once, then one per PZ_MDNS_COLLISION_WAIT_US */
#define PZ_MDNS_COLLISION_WAIT_US (5 * PZ_US_PER_S) /* RFC 6762 8.1 */
/* after a first collision: with the same names */
#define PZ_MDNS_PROBE_AGAIN_US (1 * PZ_US_PER_S)
#define PZ_MDNS_PROBE_VALID_US (10 * PZ_US_PER_S) /* a second one within this: with new names */
/* queried again: an instance without an answer until then is gone */
#define PZ_MDNS_CONFIRM_US (10 * PZ_US_PER_S)
/* without a port or an address for this: gone. A device takes them back, and probes for a second
 * (RFC 6762 8.1), before it announces others */
#define PZ_MDNS_GONE_US (3 * PZ_US_PER_S)
#define PZ_MDNS_ECHOES_MAX 64 /* records that we announced before, of several changes */
#define PZ_MDNS_DAEMON_WAIT_US (1 * PZ_US_PER_S) /* for the bus; then our own responder starts */
#define PZ_MDNS_RETRY_US (30 * PZ_US_PER_S) /* something is missing (bus, socket): tried again */
/* ---- pzp doctor ---- */
#define PZ_DOCTOR_TIME_US (12 * PZ_US_PER_S) /* what has not ended then counts as failed */
#define PZ_DOCTOR_LISTEN_US                                                                        \
	(1500 * PZ_US_PER_MS)         /* for multicast; RFC 6762 6: an answer within 0.5 s */
#define PZ_DISK_LOW_BYTES (16U << 20) /* free: an archive, a renewed certificate and a log fit */
/* ---- synchronisation (page 8); per item: the table in sync/kind.h ---- */
#define PZ_SYNC_MESSAGE_BYTES_MAX (256U << 10) /* one message, frame and all (page 8) */
/* what we send at a time: 4 s at 64 kbit/s, which a call may have to wait */
#define PZ_SYNC_PIECE_BYTES (32U << 10)
/* of a link's queue: with more in it synchronisation waits for calls */
#define PZ_SYNC_QUEUE_BYTES (64U << 10)
#define PZ_SYNC_KEY_BYTES_MAX 256
#define PZ_SYNC_VALUE_BYTES_MAX (1U << 20) /* a policy document or a CRL */
#define PZ_SYNC_CHUNKS_MAX 16384           /* per item: as many as devices in a zone */
#define PZ_SYNC_ITEM_BYTES_MAX (32U << 20) /* per item: keys, values and origins together */
#define PZ_SYNC_DELETED_MAX(chunks_max) ((chunks_max) / 2) /* per item: the newest are kept */
/* Of an item that every device writes: what one device may have stored there, so that it cannot
 * shut others out, and what comes from devices that pass on what others wrote, which proves
 * nothing. */
#define PZ_SYNC_WRITER_CHUNKS_MAX (PZ_SYNC_CHUNKS_MAX / 4)
#define PZ_SYNC_WRITER_BYTES_MAX (PZ_SYNC_ITEM_BYTES_MAX / 4)
#define PZ_SYNC_FORWARDED_CHUNKS_MAX (PZ_SYNC_CHUNKS_MAX / 8)
#define PZ_SYNC_FORWARDED_BYTES_MAX (PZ_SYNC_ITEM_BYTES_MAX / 8)
#define PZ_SYNC_WANTED_MAX 16384 /* chunks that one session has yet to ask for */
#define PZ_SYNC_AHEAD_MS 5000    /* later than now by more: not believed */
#define PZ_CRL_HISTORY_MAX 4     /* lists of one zone that do not replace each other */
#define PZ_CRL_OFFERED_MAX 16    /* lists of devices that wait for the hub's disk */
#define PZ_SYNC_DELETED_MS (UINT64_C(90) * 86400 * 1000) /* deletions are kept this long */
#define PZ_SYNC_TIME_MS_MAX ((UINT64_C(1) << 53) - 1)    /* what every JSON reader keeps exact */
#define PZ_SYNC_COALESCE_US (100 * PZ_US_PER_MS)         /* page 8 "When": local changes */
#define PZ_CLOCK_LOOK_US (30 * PZ_US_PER_S)              /* whether the wall clock was set */
#define PZ_CLOCK_JUMP_MS 2000                            /* less is a clock that is kept right */
/* a daemon that stops: commits one after the other, each begun by the end of the former */
#define PZ_STORE_DRAIN_ROUNDS_MAX 4096
#define PZ_STORE_AGAIN_US (60 * PZ_US_PER_S) /* what could not be stored is tried again */
#define PZ_USER_FIELD_BYTES_MAX 64
#define PZ_USER_DETAIL_BYTES_MAX 1024    /* a name, an address; a picture is no detail */
#define PZ_APP_DATA_BYTES_MAX (5U << 20) /* of one app and one device, as in browsers; setting */
#define PZ_APP_KEYS_MAX (PZ_SYNC_WRITER_CHUNKS_MAX / 4 * 3) /* of one app and one device */
#define PZ_APP_ORIGINS_MAX 256 /* apps that store something from here */

/* ---- local web server (page 11): any page that a browser shows can connect to it ---- */
#define PZ_HTTP_HEAD_BYTES_MAX (16U << 10) /* request line and fields: twice what browsers send */
#define PZ_HTTP_FIELDS_MAX 64              /* of one head */
#define PZ_HTTP_HEAD_US (10 * PZ_US_PER_S) /* from a head's first byte to its last (slow-loris) */
#define PZ_HTTP_IDLE_US (30 * PZ_US_PER_S) /* without a request, or without progress */
/* waiting for a visitor that reads slowly: nothing more is read from it */
#define PZ_HTTP_UNSENT_BYTES (512U << 10)
/* for the other end's close frame, or to take what is left */
#define PZ_HTTP_CLOSE_US (5 * PZ_US_PER_S)
/* seconds that a browser keeps the answer to a preflight: the owner may take a permission back */
#define PZ_HTTP_PREFLIGHT_S 10
#define PZ_HTTP_REASON_BYTES_MAX 123 /* RFC 6455 5.5: of a close frame */

/* ---- web apps (page 11; page 14 APP-12) ---- */
#define PZ_APP_ORIGIN_BYTES_MAX 253 /* scheme, host, port; with its key it fits page 8's keys */
#define PZ_APP_VISITORS_MAX 128     /* connections that are no app (yet): a browser opens six */
#define PZ_APPS_MAX 1024            /* sockets of apps: each costs some KiB */
#define PZ_CALL_ASKS_MAX 16         /* answers of its caller that a call waits for */
#define PZ_APP_OPEN_MAX 256         /* its requests to others that are known to be open */
#define PZ_APP_SERVICES_MAX 16      /* that one of them provides */
#define PZ_APP_MESSAGE_BYTES_MAX (64U << 10)  /* of one app to another (page 7, 9.10) */
#define PZ_APP_RETURN_US (5 * PZ_US_PER_S)    /* a session without a connection (page 11) */
#define PZ_APP_WAITING_BYTES_MAX (256U << 10) /* of messages meanwhile */
#define PZ_APP_WRITES_MAX 64                  /* changes of what it stores that wait for the disk */
#define PZ_APP_KEYS_BYTES (64U << 10)         /* of one answer with its keys */
#define PZ_APP_SESSIONS_MAX 16                /* of one origin: tabs */
/* sockets that the owner has not let in yet: strangers' pages, of any number of origins */
#define PZ_APPS_WAITING_MAX 64
#define PZ_APP_STRANGER_BYTES_MAX (16U << 10) /* of a message before the owner's consent */
#define PZ_APP_QUEUE_BYTES_MAX (16U << 20)    /* to one app */
#define PZ_TOKEN_NAME_BYTES_MAX 64            /* of a program: chosen by the owner */
#define PZ_TOKENS_MAX 64                      /* programs: each handshake compares with all */
/* wrong tokens in PZ_TOKENS_WRONG_US; then the answer to another wrong one is 429 */
#define PZ_TOKENS_WRONG_MAX 10
#define PZ_TOKENS_WRONG_US (60 * PZ_US_PER_S)
#define PZ_APP_REQUESTS_PER_S 50 /* page 7, 6.2; call-backs and answers not counted */
#define PZ_APP_REQUESTS_BURST 200
#define PZ_APPS_KNOWN_MAX 256                     /* origins that are remembered: those here last */
#define PZ_APP_SEEN_MS (UINT64_C(60) * 1000)      /* how often "last here" goes to the disk */
#define PZ_WEB_LISTEN_AGAIN_US (60 * PZ_US_PER_S) /* a port that another program has */
#define PZ_APP_UPDATE_US (50 * PZ_US_PER_MS)      /* changes of the zone reach apps together */

/* ---- control socket (page 12) ---- */
#define PZ_CTL_LINE_BYTES_MAX (2U << 20) /* one request or answer */
#define PZ_CTL_CLIENTS_MAX 64

/* ---- archives of zones (page 12 `pzh import`): any holder of the file may have changed it ---- */
#define PZ_ARCHIVE_PASSES 3            /* argon2id: what we write, ... */
#define PZ_ARCHIVE_MEMORY (128U << 20) /* ... a third of a second on a small machine's core */
#define PZ_ARCHIVE_PASSES_MAX 16
#define PZ_ARCHIVE_MEMORY_MAX (512U << 20)
#define PZ_ARCHIVE_BYTES_MAX (256U << 20)    /* 16384 members and every item of page 8 */
#define PZ_ARCHIVE_LINE_BYTES_MAX (8U << 20) /* a record: the largest value, escaped */
#define PZ_ARCHIVE_RECORDS_MAX (1U << 20)    /* in one archive */
#define PZ_PASSPHRASE_CHARS_MIN 8            /* of an archive that holds a zone's CA key */
#define PZ_PASSPHRASE_BYTES_MAX 1024
#define PZ_PREF_TEXT_BYTES_MAX 1024             /* a directory */
#define PZ_CONDITION_CALM_US (60 * PZ_US_PER_S) /* successes clear what fails now and then */
#define PZ_CONDITIONS_MAX 64 /* shown in `status` at once; more are logged only */
#define PZ_ARCHIVES_MAX 4    /* that a hub writes or reads at once: each may take memory */
#define PZ_FILE_PART_BYTES (256U << 10) /* of a command's file, read or written at once */

/* ---- certificates (page 2) ---- */
#define PZ_CERT_PEM_BYTES_MAX (16U << 10)
#define PZ_CSR_PEM_BYTES_MAX (16U << 10)
#define PZ_CRL_PEM_BYTES_MAX (1U << 20)
#define PZ_CHAIN_CERTS_MAX 4
#define PZ_RSA_BITS_MIN 2048
#define PZ_EC_BITS_MIN 256

/* ---- policy (page 9) ---- */
#define PZ_POLICY_DOCUMENT_BYTES_MAX (1U << 20)
#define PZ_POLICY_HEAD_BYTES_MAX 4096 /* of a record: version, and the hub's signature */
#define PZ_POLICY_OFFERED_MAX 4       /* given back by devices, that wait for the hub's disk */
#define PZ_POLICY_UPLOADS_MAX 8       /* of one zone: documents that devices send in pieces */
/* of a document in one message: escaped it is twice as long at most, and fits the smallest frame */
#define PZ_POLICY_PIECE_BYTES (24U << 10)
#define PZ_POLICY_EDIT_US (30 * PZ_US_PER_S) /* for the hub to answer a change */
/* a document that is stored and sent: with its version it is one value of page 8 */
#define PZ_POLICY_ZONE_BYTES_MAX ((int)(PZ_SYNC_VALUE_BYTES_MAX - PZ_POLICY_HEAD_BYTES_MAX))
#define PZ_POLICY_DEPTH_MAX 32             /* of elements; the root is the first level */
#define PZ_POLICY_RULES_MAX 10000          /* of one document */
#define PZ_POLICY_ATTRIBUTE_BYTES_MAX 4096 /* of an XML attribute, or of a text in its place */
#define PZ_POLICY_ITEMS_MAX 256            /* patterns with commas between them */
/* memory of the compiled regular expressions of one document: sixty bytes of text can become
 * 64 KiB */
#define PZ_POLICY_REGEXP_BYTES_MAX (4U << 20)
#define PZ_POLICY_REGEXP_STEPS_MAX 10000   /* PCRE2's match limit, from one place in the value */
#define PZ_POLICY_REGEXP_HEAP_KIB_MAX 1024 /* memory of one match */
/* parts of expressions tried by one decision: some milliseconds */
#define PZ_POLICY_REGEXP_PARTS_MAX 200000
/* rules of one device that count calls; those of more deny (page 9, 4.4) */
#define PZ_POLICY_COUNTERS_MAX 64
#define PZ_POLICY_COUNTER_BYTES_MAX 64 /* name of one */
#define PZ_GRANTS_MAX 256           /* of one device, for all friends: some for each of a house */
#define PZ_GRANT_TEXT_BYTES_MAX 256 /* name of an API, a service or a function in one */
#define PZ_MANIFESTS_MAX 256        /* apps of one device; as many as it remembers */
#define PZ_MANIFEST_BYTES_MAX (64U << 10) /* of one, as its developer wrote it */
#define PZ_MANIFEST_FEATURES_MAX 64       /* that one app asks for: a person reads them all */
#define PZ_MANIFEST_TEXT_BYTES_MAX 256    /* its origin, its name, an API, a reason */
#define PZ_POLICY_DOCUMENTS_KEPT 64       /* parsed: the slots of a device with some sixty apps */
#define PZ_POLICY_VALUES_MAX 64           /* of one attribute of a request */
#define PZ_POLICY_VALUE_BYTES_MAX 4096
#define PZ_POLICY_REQUEST_ATTRIBUTES_MAX 128
#define PZ_POLICY_REQUEST_BYTES_MAX (64U << 10) /* all values: a comparison looks at each */
#define PZ_POLICY_OBLIGATIONS_MAX 64            /* that an application declares */
#define PZ_POLICY_TRIGGERS_MAX 16               /* of one obligation */

/* ---- questions for a person (page 9, 11) ---- */
#define PZ_PROMPTS_MAX 8              /* that wait at a device: more are not read any more */
#define PZ_PROMPTS_SUBJECT_MAX 2      /* the same, about one caller */
#define PZ_PROMPT_CALLS_MAX 64        /* that wait for the same question */
#define PZ_PROMPT_GUESTS_MAX 16       /* of other devices that wait here, ... */
#define PZ_PROMPT_GUESTS_DEVICE_MAX 8 /* ... and of one of them: all that it may have */
#define PZ_PROMPT_ENDED_MAX 32        /* questions that have ended and are known still */
#define PZ_PROMPT_TIMEOUT_S 30        /* then no answer is a no; preference */
#define PZ_PROMPT_TIMEOUT_S_MIN 10
#define PZ_PROMPT_TIMEOUT_S_MAX 300
/* a call about which a person is asked ends with an answer, also where it comes at the last moment
 */
#define PZ_CALL_ASKED_US ((PZ_PROMPT_TIMEOUT_S_MAX + 15) * PZ_US_PER_S)
/* a caller that was denied so often in a row is not asked about for a while, ... */
#define PZ_PROMPT_BACKOFF_AFTER 5
#define PZ_PROMPT_BACKOFF_FIRST_US (30 * PZ_US_PER_S) /* ... then twice as long, ... */
#define PZ_PROMPT_BACKOFF_MAX_US                                                                   \
	(3600 * PZ_US_PER_S)                    /* ... up to this; so long it is remembered        \
						 */
#define PZ_PROMPT_PATIENCE_MAX 32               /* such callers */
#define PZ_PROMPT_LATE_US (60 * PZ_US_PER_S)    /* an answer may be remembered so long after it */
#define PZ_PROMPT_SEEK_US (5 * PZ_US_PER_S)     /* for a link with a device that may answer */
#define PZ_PROMPT_PRESENT_US (60 * PZ_US_PER_S) /* a person who has looked is there */
#define PZ_PROMPT_GRACE_US (30 * PZ_US_PER_S)   /* a session that is back by then has not ended */
#define PZ_PROMPT_SUSPEND_MS 30000        /* the clocks differ by more: the device has slept */
#define PZ_PROMPT_ANSWERS_MAX 1024        /* remembered for good: each is some hundred bytes */
#define PZ_PROMPT_SESSION_ANSWERS_MAX 256 /* for a session; then the oldest is asked again */

/* ---- access (page 9, 10) ---- */
#define PZ_ACCESS_DECISIONS_KEPT 128 /* for `pzp policy why`; some 4 KiB each */
/* permits that are remembered, with what they were decided by, some 4 KiB each; then all go */
#define PZ_ACCESS_REMEMBERED_MAX 128
#define PZ_ACCESS_WAITING_MAX 256        /* calls that wait for a person; more are denied */
#define PZ_ACCESS_WAITING_SUBJECT_MAX 64 /* the same, of one caller: others find room */

/* ---- the log of decisions (page 9, 16) ---- */
#define PZ_AUDIT_RECORD_BYTES_MAX 10240 /* a line: names, and the path to a rule, 32 deep */
#define PZ_AUDIT_SAMES 128           /* decisions whose record is kept for those that are equal */
#define PZ_AUDIT_FAULT_BYTES_MAX 256 /* of the reason in it */
/* decisions that wait for the disk: more are only counted. Both: records are of some 400 bytes */
#define PZ_AUDIT_QUEUE_MAX 1024
#define PZ_AUDIT_QUEUE_BYTES_MAX (512U << 10)
/* from a decision to its commit: a process that is killed loses no more */
#define PZ_AUDIT_SAVE_US (200 * PZ_US_PER_MS)
#define PZ_AUDIT_CALM_US (60 * PZ_US_PER_S)   /* without a loss: the condition ends */
#define PZ_AUDIT_LOOK_US (3600 * PZ_US_PER_S) /* how often old records are looked for */
#define PZ_AUDIT_SEGMENT_BYTES (64U << 10)    /* records that are removed together */
#define PZ_AUDIT_READ_MAX 500                 /* records in one answer */
#define PZ_AUDIT_DAYS 90                      /* that records are kept; preference */
#define PZ_AUDIT_DAYS_MAX 3650
#define PZ_AUDIT_BYTES (4U << 20)       /* of all of them: some ten thousand; preference */
#define PZ_AUDIT_BYTES_MIN (256U << 10) /* four segments */
#define PZ_AUDIT_BYTES_MAX (64U << 20)

#endif
