/*
 * YAML documents of any bytes: the first as a CRD and as an OpenAPI document, all of
 * them as objects that rules and schema look at. Whatever is found has a rule, a place
 * and words, and SARIF can be made of it.
 */
#include <stdint.h>
#include <stdlib.h>

#include "cmd/syncctl/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void found(struct check *c, enum rule rule, const struct field *at,
		  const char *message)
{
	struct findings *f = c->arg;
	_cleanup_buf_ struct buf field = BUF_INIT;

	if (rule >= RULE_N || !*message)
		abort();
	field_text(at, &field);
	if (f->list.len < 200)
		findings_add(f, &(struct found){ rule, "a.yaml", 1, "X/x", buf_str(&field),
						 message, "u", false });
}

/* NULL: there is none that JSON can hold. */
static json_t *next(struct node_reader *r)
{
	_cleanup_(arena_deinit) struct arena a = { 0 };
	_cleanup_buf_ struct buf json = BUF_INIT;
	struct err err = ERR_INIT;
	struct node *n = NULL;

	if (node_read(r, &a, &n, &err) != 1 || node_to_json(n, &json, &err))
		return NULL;
	return doc_parse(buf_str(&json), json.len, &err);
}

static void judge(const struct schema *s, const json_t *object, struct findings *f)
{
	struct check c = { .object = object, .found = found, .arg = f };

	for (size_t i = 0; i < RULE_N; i++)
		if (rules[i].fn)
			rules[i].fn(&c);
	schema_check(s, &c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct node_reader *r;
	struct findings f = { 0 };
	struct schema s = { 0 };
	struct err err = ERR_INIT;
	json_t *object, *sarif;

	doc_init();
	if (size > 65536)
		return 0;
	r = node_reader_new((const char *)data, size);
	object = next(r);
	if (object && schema_add_crd(&s, object, &err))
		err = ERR_INIT;
	if (object && schema_add(&s, object, &err))
		err = ERR_INIT;
	schema_close(&s);
	for (; object; object = next(r)) {
		judge(&s, object, &f);
		json_decref(object);
	}
	findings_close(&f);
	sarif = findings_sarif(&f, "0");
	if (json_array_size(doc_get(json_array_get(doc_get(sarif, "runs", NULL), 0), "results",
				    NULL)) != f.list.len)
		abort();
	json_decref(sarif);
	findings_deinit(&f);
	schema_deinit(&s);
	node_reader_free(r);
	return 0;
}
