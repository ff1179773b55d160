#include "base/list.h"
#include "kit/test.h"

struct item {
	int n;
	struct pz_list node;
};

static void
test_append_remove_and_order(void **state)
{
	struct item items[3] = {{.n = 0}, {.n = 1}, {.n = 2}};
	struct pz_list head;
	int want = 0;

	(void)state;
	pz_list_init(&head);
	assert_true(pz_list_is_empty(&head));
	assert_null(pz_list_first(&head));
	for (int i = 0; i < 3; i++) {
		assert_false(pz_list_is_linked(&items[i].node));
		pz_list_append(&head, &items[i].node);
		assert_true(pz_list_is_linked(&items[i].node));
	}
	PZ_LIST_EACH (&head, node, tmp) {
		assert_int_equal(PZ_CONTAINER(node, struct item, node)->n, want++);
	}
	assert_int_equal(want, 3);
	pz_list_remove(&items[1].node);
	pz_list_remove(&items[1].node); /* in no list: nothing happens */
	assert_ptr_equal(items[0].node.next, &items[2].node);
}

static void
test_current_node_may_be_removed(void **state)
{
	struct item items[4] = {0};
	struct pz_list head;
	int seen = 0;

	(void)state;
	pz_list_init(&head);
	for (int i = 0; i < 4; i++)
		pz_list_append(&head, &items[i].node);
	PZ_LIST_EACH (&head, node, tmp) {
		pz_list_remove(node);
		seen++;
	}
	assert_int_equal(seen, 4);
	assert_true(pz_list_is_empty(&head));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_append_remove_and_order),
		cmocka_unit_test(test_current_node_may_be_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
