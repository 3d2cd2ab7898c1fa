/* What argocd-cm keeps applications out of: the cases of exclude.h, in their order. */
#include "sync/exclude.h"

#include <string.h>
#include <strings.h>

#include "core/node.h"
#include "glob.h"

#define MAX_JSON ((size_t)4 << 20)

/* ---- reading ---- */

static void strings_free(char **list)
{
	for (char **s = list; s && *s; s++)
		free(*s);
	free(list);
}

static void rule_deinit(struct exclude_rule *r)
{
	strings_free(r->groups);
	strings_free(r->kinds);
}

void exclude_deinit(struct exclude *x)
{
	for (size_t i = 0; i < x->excluded.len; i++)
		rule_deinit(&x->excluded.data[i]);
	for (size_t i = 0; i < x->included.len; i++)
		rule_deinit(&x->included.data[i]);
	vec_deinit(&x->excluded);
	vec_deinit(&x->included);
	*x = (struct exclude){ 0 };
}

/* As Go reads JSON: the field's name in any case. */
static const json_t *field(const json_t *entry, const char *name)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)entry, key, value)
		if (!strcasecmp(key, name))
			return value;
	return NULL;
}

/* *ret stays NULL for one that is not there, or empty: it fits everything. */
static int read_list(const json_t *entry, const char *name, bool globs, size_t *n,
		     char ***ret, struct err *err)
{
	const json_t *list = field(entry, name), *one;
	size_t len = json_array_size(list), i;

	if (list && !json_is_array(list) && !json_is_null(list))
		return err_set(err, ERR_INVALID, "%s is no list", name);
	*n += len;
	if (*n > EXCLUDE_MAX)
		return err_set(err, ERR_LIMIT, "more than %d entries", EXCLUDE_MAX);
	if (!len)
		return 0;
	*ret = xcalloc(len + 1, sizeof(**ret));
	json_array_foreach((json_t *)list, i, one) {
		const char *s = json_string_value(one);

		if (!s)
			return err_set(err, ERR_INVALID, "%s[%zu] is no string", name, i);
		if (globs && !glob_is_wellformed(s))
			return err_set(err, ERR_INVALID, "%s[%zu]: '%.60s' is not closed, "
				       "or too long", name, i, s);
		(*ret)[i] = xstrdup(s);
	}
	return 0;
}

static bool any_fits(char *const *list, const char *text)
{
	for (char *const *s = list; s && *s; s++)
		if (glob_match(*s, text, 0) == 1)
			return true;
	return !list;
}

/* *ours: it is about this cluster. *ret is to be freed, after an error too. */
static int read_rule(const json_t *entry, size_t *n, struct exclude_rule *ret,
		     bool *ours, struct err *err)
{
	char **clusters = NULL;
	int r = 0;

	*ret = (struct exclude_rule){ 0 };
	*ours = false;
	if (!field(entry, "apiGroups") && !field(entry, "kinds") && !field(entry, "clusters"))
		return err_set(err, ERR_INVALID, "has none of apiGroups, kinds and "
			       "clusters: it would fit everything");
	r = read_list(entry, "apiGroups", true, n, &ret->groups, err) ||
	    read_list(entry, "kinds", false, n, &ret->kinds, err) ||
	    read_list(entry, "clusters", true, n, &clusters, err) ? -1 : 0;
	*ours = !r && any_fits(clusters, EXCLUDE_CLUSTER);
	strings_free(clusters);
	return r;
}

static int read_entries(struct exclude *x, const json_t *list, bool exclusions,
			size_t *n, struct err *err)
{
	const json_t *entry;
	size_t i;

	json_array_foreach((json_t *)list, i, entry) {
		struct exclude_rule rule;
		bool ours = false;
		int r = read_rule(entry, n, &rule, &ours, err);

		if (ours && exclusions)
			vec_push(&x->excluded, rule);
		else if (ours)
			vec_push(&x->included, rule);
		else
			rule_deinit(&rule);
		if (r) {
			err_wrap(err, "entry %zu", i + 1);
			return -1;
		}
	}
	return 0;
}

static int read_key(struct exclude *x, const json_t *data, const char *key,
		    bool exclusions, size_t *n, struct err *err)
{
	_cleanup_buf_ struct buf json = BUF_INIT_MAX(MAX_JSON);
	const char *yaml = doc_get_str(data, key, NULL);
	_cleanup_json_ json_t *list = NULL;

	if (!yaml || !yaml[strspn(yaml, " \t\r\n")])
		return 0;
	if (node_text_to_json(yaml, strlen(yaml), &json, err))
		return -1;
	if (!strcmp(buf_str(&json), "null"))
		return 0;	/* nothing but comments */
	list = doc_parse(buf_str(&json), json.len, err);
	if (!list)
		return -1;
	if (!json_is_array(list))
		return err_set(err, ERR_INVALID, "is no list");
	return read_entries(x, list, exclusions, n, err);
}

int exclude_read(struct exclude *x, const json_t *data, struct err *err)
{
	static const char *const keys[] = { "resource.exclusions", "resource.inclusions" };
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (!read_key(x, data, keys[i], !i, &n, err))
			continue;
		err->code = ERR_INVALID;
		err_wrap(err, "%s", keys[i]);
		exclude_deinit(x);
		return -1;
	}
	return 0;
}

/* ---- judging ---- */

static bool kind_fits(char *const *kinds, const char *kind)
{
	for (char *const *s = kinds; s && *s; s++)
		if (!strcmp(*s, "*") || !strcmp(*s, kind))
			return true;
	return !kinds;
}

static bool fits(const struct exclude_rule *rules, size_t n, const char *group,
		 const char *kind)
{
	for (size_t i = 0; i < n; i++)
		if (kind_fits(rules[i].kinds, kind) && any_fits(rules[i].groups, group))
			return true;
	return false;
}

static bool is_never(const char *group, const char *kind)
{
	return !strcmp(group, "events.k8s.io") || !strcmp(group, "metrics.k8s.io") ||
	       (!*group && !strcmp(kind, "Event")) ||
	       (!strcmp(group, "coordination.k8s.io") && !strcmp(kind, "Lease"));
}

bool exclude_kind(const struct exclude *x, const char *group, const char *kind)
{
	if (is_never(group, kind))
		return true;
	for (; x; x = x->next) {
		if (fits(x->excluded.data, x->excluded.len, group, kind))
			return true;
		if (x->included.len &&
		    !fits(x->included.data, x->included.len, group, kind))
			return true;
	}
	return false;
}
