#include "policies/path.h"

json_t *
pz_policies_path_json(const struct pz_policy_node *node)
{
	const struct pz_policy_node *at;
	json_t *path = json_array();

	for (unsigned depth = 0; node && (at = pz_policy_node_at(node, depth)); depth++) {
		char label[PZ_POLICY_LABEL_BYTES];

		pz_policy_node_label(at, label);
		json_array_append_new(path, json_string(label));
	}
	return path;
}
