/* The process of our own responder: libavahi-core, and nothing that is worth stealing. */
#ifndef PZ_MDNS_RESPONDER_H
#define PZ_MDNS_RESPONDER_H

#define PZ_MDNS_RESPONDER_WORD "--mdns-responder" /* the only argument of such a process */
#define PZ_MDNS_RESPONDER_FD 3                    /* its end of the socket */

/**
 * Runs the responder and ends the process, when that is what it was started for (own.c); returns
 * otherwise. The first call of each program that makes a struct pz_mdns with pz_mdns_new.
 */
void pz_mdns_responder_main(int argc, char **argv);

#endif
