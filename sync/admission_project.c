/*
 * An AppProject, judged. What the engine cannot read of one would make it refuse every
 * application of the project, and a pattern that cannot be read never matches: both are
 * told here, before anybody waits for a sync.
 */
#include <string.h>

#include "admission_priv.h"
#include "core/doc.h"
#include "glob.h"
#include "sync/window.h"

static void check_glob(const char *pattern, const char *where, struct admission_findings *f)
{
	if (!glob_is_wellformed(pattern + (*pattern == '!')))
		admission_say(&f->errors, "%s: \"%.80s\" is no pattern: a \"[\" or \"{\" in it "
			      "is not closed", where, pattern);
}

/* "x" beside "!x" in one list: the second wins, and the first says nothing. */
static void check_denials(const json_t *list, const char *where,
			  struct admission_findings *f)
{
	const json_t *item, *other;
	size_t i, k;

	if (json_array_size(list) > 200)
		return;
	json_array_foreach((json_t *)list, i, item)
		json_array_foreach((json_t *)list, k, other) {
			const char *no = json_string_value(item);
			const char *yes = json_string_value(other);

			if (no && yes && *no == '!' && !strcmp(no + 1, yes))
				admission_say(&f->errors, "%s[%zu]: \"%.80s\" contradicts "
					      "\"%.80s\": keep one of them", where, i, no, yes);
		}
}

static void check_texts(const json_t *spec, const char *key, struct admission_findings *f)
{
	_cleanup_free_ char *where = xasprintf("spec.%s", key);
	const json_t *list = json_object_get(spec, key), *item;
	size_t i;

	json_array_foreach((json_t *)list, i, item) {
		_cleanup_free_ char *at = xasprintf("%s[%zu]", where, i);

		if (json_is_string(item))
			check_glob(json_string_value(item), at, f);
	}
	check_denials(list, where, f);
}

/* Lists of maps whose texts are patterns. */
static void check_maps(const json_t *of, const char *path, const char *key,
		       const char *const *names, struct admission_findings *f)
{
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(of, key), i, item)
		for (const char *const *n = names; *n; n++) {
			_cleanup_free_ char *at = xasprintf("%s.%s[%zu].%s", path, key, i, *n);
			const char *text = doc_get_str(item, *n, NULL);

			if (text)
				check_glob(text, at, f);
		}
}

static void check_patterns(const json_t *spec, struct admission_findings *f)
{
	static const char *const places[] = { "server", "name", "namespace", NULL };
	static const char *const kinds[] = { "group", "kind", "name", NULL };
	static const char *const lists[] = {
		"clusterResourceWhitelist", "clusterResourceBlacklist",
		"namespaceResourceWhitelist", "namespaceResourceBlacklist",
	};

	check_texts(spec, "sourceRepos", f);
	check_texts(spec, "sourceNamespaces", f);
	check_maps(spec, "spec", "destinations", places, f);
	check_maps(spec, "spec", "destinationServiceAccounts", places, f);
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		check_maps(spec, "spec", lists[i], kinds, f);
	check_maps(json_object_get(spec, "orphanedResources"), "spec.orphanedResources",
		   "ignore", kinds, f);
}

static void check_accounts(const json_t *spec, struct admission_findings *f)
{
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(spec, "destinationServiceAccounts"), i, item) {
		const char *name = doc_get_str(item, "defaultServiceAccount", NULL);

		if (json_is_object(item) && !project_is_account(name ? name : ""))
			admission_say(&f->errors, "spec.destinationServiceAccounts[%zu]."
				      "defaultServiceAccount: \"%.80s\" is no service account: "
				      "write its name, or namespace:name", i, name ? name : "");
	}
}

/* ---- sync windows ---- */

static bool names_any(const json_t *w)
{
	return json_array_size(json_object_get(w, "applications")) ||
	       json_array_size(json_object_get(w, "namespaces")) ||
	       json_array_size(json_object_get(w, "clusters"));
}

/* window_look() begins its message with the field's name, but for the time zone. */
static void check_window(const json_t *w, size_t i, struct admission_findings *f)
{
	static const char *const lists[] = { "applications", "namespaces", "clusters" };
	struct window_app nobody = { .name = "", .dest_ns = "" };
	struct err err = ERR_INIT;
	struct window_state state;

	if (window_look(w, &nobody, 0, &state, &err)) {
		const char *field = err.code == ERR_NOTFOUND ||
				    !strncmp(err.msg, "time zone", 9) ? "timeZone: " : "";

		admission_say(&f->errors, "spec.syncWindows[%zu].%s%s", i, field, err.msg);
	}
	if (!names_any(w))
		admission_say(&f->warnings, "spec.syncWindows[%zu] has no effect: name "
			      "applications, namespaces or clusters (\"*\" is all)", i);
	for (size_t k = 0; k < ARRAY_LEN(lists); k++) {
		const json_t *item;
		size_t n;

		json_array_foreach(json_object_get(w, lists[k]), n, item) {
			_cleanup_free_ char *at = xasprintf("spec.syncWindows[%zu].%s[%zu]",
							    i, lists[k], n);

			if (json_is_string(item))
				check_glob(json_string_value(item), at, f);
		}
	}
}

static void check_windows(const json_t *spec, struct admission_findings *f)
{
	const json_t *list = json_object_get(spec, "syncWindows"), *w;
	size_t i;

	if (list && !json_is_null(list) && !json_is_array(list))
		admission_say(&f->errors, "spec.syncWindows must be a list");
	json_array_foreach((json_t *)list, i, w) {
		if (f->errors.left_out)
			return;
		if (json_is_object(w))
			check_window(w, i, f);
		else
			admission_say(&f->errors, "spec.syncWindows[%zu] must be a map", i);
	}
}

/* ---- all of it ---- */

static void check_auto_revert(const json_t *object, struct admission_findings *f)
{
	const char *text = doc_get_str(object, "metadata", "annotations", ANN_AUTO_REVERT,
				       NULL);
	enum auto_revert how;

	if (text && !auto_revert_parse(text, &how))
		admission_say(&f->errors, "annotation " ANN_AUTO_REVERT ": \"%.40s\" must be "
			      "\"true\", \"report\" or \"false\"", text);
}

void admission_project(const json_t *object, struct admission_findings *f)
{
	static const char prefix[] = "AppProject ";
	const json_t *spec = doc_get(object, "spec", NULL);
	struct err err = ERR_INIT;
	struct project p;

	if (project_decode(&p, object, &err)) {
		const char *colon = strstr(err.msg, ": spec");
		const char *msg = !strncmp(err.msg, prefix, strlen(prefix)) && colon ?
				  colon + 2 : err.msg;

		admission_say(&f->errors, "%s", msg);
	} else {
		project_deinit(&p);
	}
	admission_project_fields(spec, f);
	check_patterns(spec, f);
	check_accounts(spec, f);
	check_windows(spec, f);
	check_auto_revert(object, f);
}
