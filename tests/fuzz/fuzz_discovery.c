/*
 * A discovery document: whatever parses can be looked up, and keeping what a
 * stale copy of itself knew changes nothing that was known.
 */
#include <assert.h>
#include <stdint.h>

#include "../../core/kube/discovery_priv.h"
#include "core/doc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct discovery_table *t)
{
	for (size_t i = 0; i < t->rows.len; i++) {
		const struct api_resource *r = &t->rows.data[i].r, *found;

		found = discovery_table_find(t, r->group, r->version, r->kind);
		assert(found && found->kind[0] && found->plural[0]);
		found = discovery_table_find(t, r->group, NULL, r->kind);
		assert(found && found->preferred);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct discovery_table a = { 0 }, b = { 0 };
	struct err err = ERR_INIT;
	json_t *j;

	doc_init();
	j = doc_parse((const char *)data, size, &err);
	if (!j)
		return 0;
	if (!discovery_parse(&a, j, &err)) {
		check(&a);
		assert(!discovery_parse(&b, j, &err));
		discovery_table_keep(&b, &a);
		check(&b);
		assert(b.rows.len == a.rows.len);
	} else {
		assert(err.code == ERR_INVALID || err.code == ERR_LIMIT);
	}
	discovery_table_deinit(&a);
	discovery_table_deinit(&b);
	json_decref(j);
	return 0;
}
