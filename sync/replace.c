/*
 * Nothing here fails: what cannot be read is no refusal for an immutable field,
 * and a selector that cannot be read adopts nothing.
 */
#include "replace.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "core/doc.h"
#include "core/mem.h"

enum replace_way replace_way(const char *group, const char *kind)
{
	static const struct {
		const char *group, *kind;
		enum replace_way way;
	} table[] = {
		{ "apps", "Deployment", REPLACE_ORPHANING },
		{ "apps", "StatefulSet", REPLACE_ORPHANING },
		{ "apps", "DaemonSet", REPLACE_ORPHANING },
		{ "apps", "ReplicaSet", REPLACE_ORPHANING },
		{ "batch", "Job", REPLACE_PLAINLY },
		{ "", "Service", REPLACE_PLAINLY },
		/* Nothing hangs on these but what they say. */
		{ "", "ConfigMap", REPLACE_PLAINLY },
		{ "", "Secret", REPLACE_PLAINLY },
		{ "", "Pod", REPLACE_PLAINLY },
		{ "rbac.authorization.k8s.io", "RoleBinding", REPLACE_PLAINLY },
		{ "rbac.authorization.k8s.io", "ClusterRoleBinding", REPLACE_PLAINLY },
		{ "storage.k8s.io", "StorageClass", REPLACE_PLAINLY },
		{ "scheduling.k8s.io", "PriorityClass", REPLACE_PLAINLY },
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (!strcmp(table[i].group, group) && !strcmp(table[i].kind, kind))
			return table[i].way;
	return REPLACE_NEVER;
}

/* The words of Kubernetes' own validation, of pkg/apis/<group>/validation. */
static bool says_immutable(const char *message)
{
	static const char *const words[] = {
		"field is immutable",
		"is immutable after creation",
		"updates to statefulset spec for fields other than",
		"pod updates may not change fields other than",
		"may not change once set",
		"can not be unset",
		"may not be changed in an update",
		"cannot change roleRef",
	};

	for (size_t i = 0; message && i < ARRAY_LEN(words); i++)
		if (strstr(message, words[i]))
			return true;
	return false;
}

bool replace_is_refusal(int http, const json_t *status, const char *name,
			char field[128])
{
	const json_t *details = doc_get(status, "details", NULL);
	const char *reason = doc_get_str(status, "reason", NULL);
	const char *who = doc_get_str(details, "name", NULL);
	const json_t *cause;
	size_t i;

	if (http != 422 || !reason || strcmp(reason, "Invalid") || !who ||
	    strcmp(who, name))
		return false;
	json_array_foreach(json_object_get(details, "causes"), i, cause) {
		const char *path = doc_get_str(cause, "field", NULL);

		if (!says_immutable(doc_get_str(cause, "message", NULL)))
			continue;
		snprintf(field, 128, "%s", path ? path : "a field");
		return true;
	}
	return false;
}

void replace_explain(enum replace_way way, const char *kind, const char *field,
		     struct err *err)
{
	struct err refused = *err;

	if (way == REPLACE_NEVER)
		err_set(err, refused.code, "%s cannot be changed in place, and a %s is "
			"never deleted to change it (what hangs on it would go): %s",
			field, kind, refused.msg);
	else
		err_set(err, refused.code, "%s cannot be changed in place: to have the "
			"object deleted and made anew%s, annotate it or the "
			"application syncd.dev/recreate-on-immutable: \"true\", or set "
			"its sync option Replace=true: %s", field,
			way == REPLACE_ORPHANING ?
			" (its pods live on where the new selector fits them)" : "",
			refused.msg);
	err->retry = refused.retry;
}

void replace_temp_name(const char *name, char out[64])
{
	char hash[65];
	size_t n = strnlen(name, 40);

	sha256_hex(name, strlen(name), hash);
	while (n && !isalnum((unsigned char)name[n - 1]))
		n--;
	snprintf(out, 64, "%.*s-p%.8s", (int)n, name, hash);
}

/* ---- selectors ---- */

static bool in_list(const json_t *list, const char *text)
{
	const json_t *v;
	size_t i;

	json_array_foreach(list, i, v)
		if (json_is_string(v) && text && !strcmp(json_string_value(v), text))
			return true;
	return false;
}

static bool expression_fits(const json_t *e, const json_t *labels)
{
	const char *key = doc_get_str(e, "key", NULL);
	const char *op = doc_get_str(e, "operator", NULL);
	const char *has = key ? doc_get_str(labels, key, NULL) : NULL;

	if (!key || !op)
		return false;
	if (!strcmp(op, "In"))
		return has && in_list(json_object_get(e, "values"), has);
	if (!strcmp(op, "NotIn"))
		return !has || !in_list(json_object_get(e, "values"), has);
	if (!strcmp(op, "Exists"))
		return has;
	return !strcmp(op, "DoesNotExist") && !has;
}

bool replace_adopts(const json_t *new_object, const json_t *old_object)
{
	const json_t *selector = doc_get(new_object, "spec", "selector", NULL);
	const json_t *labels = doc_get(old_object, "spec", "template", "metadata",
				       "labels", NULL);
	const json_t *e;
	const char *key;
	json_t *want;
	size_t i;

	if (!json_is_object(selector))
		return false;
	json_object_foreach(json_object_get(selector, "matchLabels"), key, want) {
		const json_t *has = json_object_get(labels, key);

		if (!has || !doc_equal(has, want))
			return false;
	}
	json_array_foreach(json_object_get(selector, "matchExpressions"), i, e)
		if (!expression_fits(e, labels))
			return false;
	return true;
}
