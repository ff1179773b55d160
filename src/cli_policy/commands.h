/* The commands of pzp about access policy, in the manner of cli_pzp/commands.h: policies, questions
 * for a person, and the log of decisions. */
#ifndef PZ_CLI_POLICY_COMMANDS_H
#define PZ_CLI_POLICY_COMMANDS_H

struct pz_cli;

/* ---- policy.c: access policy ---- */

/** `pzp policy`: decides a request, or validates documents, without a daemon; shows and changes the
 * policies of this device and its zone. @spec page 9 */
int pz_pzp_cmd_policy(struct pz_cli *cli);

/* ---- why.c: decisions explained ---- */

/** `pzp policy why`: explains a decision of this device, or lists the last ones. @spec page 9, 10;
 * page 12 */
int pz_pzp_policy_why(struct pz_cli *cli);

/* ---- rules.c: short ways ---- */

/** `pzp allow`: writes a rule that permits, or asks, into the zone's policy. */
int pz_pzp_cmd_allow(struct pz_cli *cli);
/** `pzp deny`: the same, a rule that denies. */
int pz_pzp_cmd_deny(struct pz_cli *cli);
/** `pzp rules`: the policies of this device as numbered sentences. */
int pz_pzp_cmd_rules(struct pz_cli *cli);
/** `pzp share`: writes a rule that permits, which `pzp unshare` finds again. */
int pz_pzp_cmd_share(struct pz_cli *cli);
/** `pzp unshare`: removes such rules. */
int pz_pzp_cmd_unshare(struct pz_cli *cli);
/** `pzp shares`: lists them. */
int pz_pzp_cmd_shares(struct pz_cli *cli);

/* ---- audit.c: the log of decisions ---- */

/** `pzp audit`: lists decisions of access policy, or verifies their log. @spec page 12 */
int pz_pzp_cmd_audit(struct pz_cli *cli);

/* ---- audit_copy.c: a copy of it ---- */

/** `pzp audit export FILE`: the log as it is hashed, into a new file. @param path "-": output */
int pz_pzp_audit_export(struct pz_cli *cli, const char *path);
/** `pzp audit verify FILE`: whether such a file is whole, without the daemon. @param path "-":
 * input */
int pz_pzp_audit_verify_file(struct pz_cli *cli, const char *path);

/* ---- policy_slots.c: the policies of this device ---- */

/** `pzp policy list`: what each slot has. */
int pz_pzp_policy_list(struct pz_cli *cli);
/** `pzp policy show`: the document of a slot. */
int pz_pzp_policy_show(struct pz_cli *cli);
/** `pzp policy set`: replaces it by a file. */
int pz_pzp_policy_set(struct pz_cli *cli);
/** `pzp policy edit`: lets the person change it in an editor, shows what that means, and asks. */
int pz_pzp_policy_edit(struct pz_cli *cli);
/** `pzp policy upgrade`: adds rules of today's default that the zone's policy lacks; asks first. */
int pz_pzp_policy_upgrade(struct pz_cli *cli);

/* ---- apps.c: web apps ---- */

/** `pzp apps`: lists web pages and other programs that were here, or forgets one. @spec page 11 */
int pz_pzp_cmd_apps(struct pz_cli *cli);

/* ---- token.c: programs that are no browser ---- */

/** `pzp app`: makes the token of a local program, or revokes it; manifests of apps. @spec page 11
 */
int pz_pzp_cmd_app(struct pz_cli *cli);

/* ---- manifest.c: what apps may ask for ---- */

/** `pzp app install`, `show` and `remove`. @param verb one of these @param name file or origin; may
 * be NULL @spec page 9, 7.2 */
int pz_pzp_app_manifest(struct pz_cli *cli, const char *verb, const char *name);

/* ---- prompts.c: questions for a person ---- */

/** `pzp prompts`: lists questions, answers one, or shows them as they come. */
int pz_pzp_cmd_prompts(struct pz_cli *cli);
/** `pzp policy answers`: lists what was answered, or forgets it. @spec page 9, 11.5 */
int pz_pzp_policy_answers(struct pz_cli *cli);

#endif
