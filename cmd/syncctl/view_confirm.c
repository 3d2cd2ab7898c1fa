/*
 * What waits for a person before it is deleted, and the answer. The daemon says it
 * in status.syncd.prune; of an Application that is being deleted, where objects ask
 * with Delete=confirm, in a DeletionError.
 */
#include "views.h"

#include "core/mem.h"

static const json_t *list_of(const json_t *app)
{
	return doc_get(app, "status", "syncd", "prune", NULL);
}

static const char *deletion_asks(const json_t *app)
{
	const json_t *list = doc_get(app, "status", "conditions", NULL), *c;
	size_t i;

	if (!doc_get_str(app, "metadata", "deletionTimestamp", NULL))
		return NULL;
	json_array_foreach((json_t *)list, i, c) {
		const char *type = doc_get_str(c, "type", NULL);
		const char *words = doc_get_str(c, "message", NULL);

		if (type && words && !strcmp(type, "DeletionError") &&
		    strstr(words, "for approval"))
			return words;
	}
	return NULL;
}

static void add_row(struct view_table *t, const json_t *o)
{
	const char *group = doc_get_str(o, "group", NULL);
	const char *ns = doc_get_str(o, "namespace", NULL);
	_cleanup_buf_ struct buf name = BUF_INIT;

	buf_adds(&name, "  ");
	view_clean(&name, doc_get_str(o, "kind", NULL));
	if (group) {
		buf_addc(&name, '.');
		view_clean(&name, group);
	}
	buf_addc(&name, '/');
	view_clean(&name, ns);
	buf_adds(&name, ns ? "/" : "");
	view_clean(&name, doc_get_str(o, "name", NULL));
	view_table_add(t, VIEW_PLAIN, buf_str(&name));
	view_table_add(t, VIEW_YELLOW, doc_get_str(o, "why", NULL));
}

bool view_asked(const json_t *app, const struct view_env *env, struct buf *out)
{
	const json_t *prune = list_of(app), *list = doc_get(prune, "objects", NULL), *o;
	const char *words = deletion_asks(app);
	struct view_table t = { .columns = 2 };
	size_t i, count = (size_t)doc_get_int(prune, 0, "count", NULL);

	if (!out)
		return prune || words;
	if (words) {
		buf_adds(out, "  ");
		view_clean(out, words);
		buf_addc(out, '\n');
		return true;
	}
	json_array_foreach((json_t *)list, i, o)
		add_row(&t, o);
	view_table_print(&t, env, out);
	if (count > json_array_size(list))
		buf_addf(out, "  and %zu more\n", count - json_array_size(list));
	view_table_deinit(&t);
	return prune;
}

json_t *view_approval(const json_t *app, int64_t now_ms)
{
	const char *digest = doc_get_str(list_of(app), "digest", NULL);
	const char *key = "syncd.dev/prune-approved";
	char now[32];

	if (deletion_asks(app)) {
		time_rfc3339(now_ms, now);
		key = "argocd.argoproj.io/deletion-approved";
		digest = now;
	}
	return digest ? json_pack("{s{s{ss}}}", "metadata", "annotations", key,
				  digest) : NULL;
}
