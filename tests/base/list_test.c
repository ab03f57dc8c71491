/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include "base/list.h"

struct item {
	char name;
	struct gp_list link;
};

static void
assert_order(const struct gp_list *head, const char *names)
{
	for (const struct gp_list *it = head->next; it != head; it = it->next) {
		assert_int_equal(gp_container_of(it, struct item, link)->name, *names++);
		assert_ptr_equal(it->prev->next, it);
		assert_ptr_equal(it->next->prev, it);
	}
	assert_int_equal(*names, 0);
}

static void
keeps_order(void **state)
{
	(void)state;
	struct gp_list head;
	struct item a = {.name = 'a'}, b = {.name = 'b'}, c = {.name = 'c'};
	gp_list_init(&head);
	assert_true(gp_list_empty(&head));
	assert_null(gp_list_pop(&head));
	gp_list_append(&head, &b.link);
	gp_list_append(&head, &c.link);
	gp_list_insert(&head, &a.link);
	assert_order(&head, "abc");
	gp_list_remove(&b.link);
	assert_order(&head, "ac");
	gp_list_remove(&b.link);
	assert_order(&head, "ac");
	gp_list_insert(&a.link, &b.link);
	assert_order(&head, "abc");
	assert_ptr_equal(gp_list_pop(&head), &a.link);
	assert_true(gp_list_empty(&a.link));
	assert_order(&head, "bc");
}

static void
each_allows_removing_the_current(void **state)
{
	(void)state;
	struct gp_list head;
	struct item items[6];
	gp_list_init(&head);
	for (size_t i = 0; i < GP_ARRAY_LEN(items); i++) {
		items[i].name = (char)('a' + i);
		gp_list_append(&head, &items[i].link);
	}
	gp_list_each (it, &head) {
		if (gp_container_of(it, struct item, link)->name % 2 == 0)
			gp_list_remove(it);
	}
	assert_order(&head, "ace");
	gp_list_each (it, &head) {
		gp_list_remove(it);
	}
	assert_true(gp_list_empty(&head));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_order),
		cmocka_unit_test(each_allows_removing_the_current),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
