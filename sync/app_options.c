/*
 * What an Application asks for besides its source: sync options, differences to
 * ignore, our annotations; and the digests that say whether any of it changed.
 */
#include <string.h>

#include "app_spec_priv.h"
#include "ignore.h"
#include "render/answer.h"
#include "sync/links.h"

#define OPTIONS "spec.syncPolicy.syncOptions"
#define RECREATE "syncd.dev/recreate-on-immutable"

/* note: why it differs here, or NULL. Those that are not here ask for what is so anyhow. */
static const struct {
	uint32_t set;
	const char *note, *propagation;
} effects[SOPT_N] = {
	[SOPT_CREATE_NAMESPACE] = { .set = OPT_CREATE_NAMESPACE },
	[SOPT_PRUNE_FALSE] = { .set = OPT_PRUNE_FALSE },
	[SOPT_PRUNE_CONFIRM] = { .set = OPT_PRUNE_CONFIRM },
	[SOPT_PRUNE_LAST_FALSE] = { .set = OPT_PRUNE_BEFORE },
	[SOPT_DELETE_FALSE] = { .set = OPT_DELETE_FALSE },
	[SOPT_DELETE_CONFIRM] = { .set = OPT_DELETE_CONFIRM },
	[SOPT_OUT_OF_SYNC_ONLY] = { .set = OPT_OUT_OF_SYNC_ONLY },
	[SOPT_VALIDATE_FALSE] = { OPT_VALIDATE_FALSE, "the API server checks every object all "
		"the same, and refuses unknown fields of those that are applied server-side",
		NULL },
	[SOPT_SKIP_DRY_RUN] = { .set = OPT_SKIP_DRY_RUN },
	[SOPT_REPLACE] = { .set = OPT_RECREATE },
	[SOPT_FORCE] = { .set = OPT_RECREATE },
	[SOPT_SERVER_SIDE_FALSE] = { .note = "syncd always applies server-side" },
	[SOPT_MIGRATION_FALSE] = { .set = OPT_NO_MIGRATION },
	[SOPT_RESPECT_IGNORE] = { .set = OPT_RESPECT_IGNORE },
	[SOPT_FAIL_ON_SHARED_FALSE] = { .set = OPT_SHARED_ALLOWED },
	[SOPT_FOREGROUND] = { .propagation = "Foreground" },
	[SOPT_BACKGROUND] = { .propagation = "Background" },
	[SOPT_ORPHAN] = { .propagation = "Orphan" },
};

bool sync_option_decode(const char *option, uint32_t *ret_set,
			const char **ret_propagation)
{
	enum sync_option o = sync_option_of(option, strlen(option));

	*ret_set = effects[o].set;
	*ret_propagation = effects[o].propagation;
	return o != SOPT_UNKNOWN;
}

static void unknown_option(struct app_spec *s, size_t index, const char *option)
{
	const char *right = sync_option_but_for_case(option);

	if (right)
		spec_warn(s, OPTIONS "[%zu]: \"%.80s\" has no effect: write it as "
			  "\"%s\"", index, option, right);
	else
		spec_warn(s, OPTIONS "[%zu]: \"%.80s\" is not known and has no effect",
			  index, option);
}

static void decode_option(struct app_spec *s, size_t index, const char *option)
{
	enum sync_option o = sync_option_of(option, strlen(option));

	if (o == SOPT_UNKNOWN) {
		unknown_option(s, index, option);
		return;
	}
	if (effects[o].propagation) {
		free(s->propagation);
		s->propagation = xstrdup(effects[o].propagation);
	}
	s->options |= effects[o].set;
	if (effects[o].note)
		spec_warn(s, OPTIONS "[%zu]: \"%s\": %s", index, option, effects[o].note);
}

static void check_pointers(struct app_spec *s, const json_t *entry, size_t index)
{
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(entry, "jsonPointers"), i, item) {
		const char *p = json_string_value(item);

		if (!p || (*p && *p != '/'))
			spec_error(s, "spec.ignoreDifferences[%zu].jsonPointers[%zu] "
				   "must be a string that begins with \"/\"", index,
				   i);
	}
}

static void check_jq(struct app_spec *s, const json_t *entry, const char *where)
{
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(entry, "jqPathExpressions"), i, item) {
		struct err err = ERR_INIT;

		if (!json_is_string(item))
			spec_error(s, "%s.jqPathExpressions[%zu] must be a string", where, i);
		else if (ignore_add_jq(NULL, json_string_value(item), &err))
			spec_error(s, "%s.jqPathExpressions[%zu]: %s", where, i, err.msg);
	}
}

static void check_ignore(struct app_spec *s, const json_t *entry, size_t index)
{
	static const char *const lists[] = { "jsonPointers", "jqPathExpressions",
					     "managedFieldsManagers" };
	_cleanup_free_ char *where =
		xasprintf("spec.ignoreDifferences[%zu]", index);

	if (!json_is_object(entry)) {
		spec_error(s, "%s must be a map", where);
		return;
	}
	if (!*take_str(s, entry, where, "kind") &&
	    !json_object_get(entry, "kind"))
		spec_error(s, "%s.kind is missing", where);
	take_str(s, entry, where, "group");
	take_str(s, entry, where, "name");
	take_str(s, entry, where, "namespace");
	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		take(s, entry, where, lists[i], JSON_ARRAY);
	check_pointers(s, entry, index);
	check_jq(s, entry, where);
}

static void decode_ignore(struct app_spec *s, const json_t *spec)
{
	const json_t *list = take(s, spec, "spec", "ignoreDifferences",
				  JSON_ARRAY);
	const json_t *entry;
	size_t i;

	json_array_foreach(list, i, entry)
		check_ignore(s, entry, i);
	s->ignore_differences = list ? json_deep_copy(list) : NULL;
}

#define NS_META "spec.syncPolicy.managedNamespaceMetadata"

/* A map of texts; anything else in it is named. */
static json_t *take_texts(struct app_spec *s, const json_t *from, const char *key)
{
	const json_t *map = take(s, from, NS_META, key, JSON_OBJECT);
	json_t *out = json_object(), *v;
	const char *name;

	json_object_foreach((json_t *)map, name, v) {
		if (json_is_string(v))
			json_object_set(out, name, v);
		else
			spec_error(s, NS_META ".%s[\"%.80s\"] must be a string: quote "
				   "it", key, name);
	}
	return out;
}

static void decode_namespace_meta(struct app_spec *s, const json_t *policy)
{
	const json_t *from = take(s, policy, "spec.syncPolicy",
				  "managedNamespaceMetadata", JSON_OBJECT);

	if (!from)
		return;
	s->namespace_meta = json_object();
	json_object_set_new(s->namespace_meta, "labels", take_texts(s, from, "labels"));
	json_object_set_new(s->namespace_meta, "annotations",
			    take_texts(s, from, "annotations"));
	if (!(s->options & OPT_CREATE_NAMESPACE))
		spec_warn(s, NS_META " has no effect without syncOption "
			  "CreateNamespace=true");
}

static bool annotation_is(const json_t *annotations, const char *key,
			  const char *value)
{
	const char *v = doc_get_str(annotations, key, NULL);

	return v && !strcmp(v, value);
}

void app_options_decode(struct app_spec *s, const json_t *spec,
			const json_t *annotations)
{
	const json_t *policy = doc_get(spec, "syncPolicy", NULL);
	const json_t *list = take(s, policy, "spec.syncPolicy", "syncOptions",
				  JSON_ARRAY);
	const json_t *item;
	size_t i;

	s->propagation = xstrdup("Foreground");
	json_array_foreach(list, i, item) {
		if (json_is_string(item))
			decode_option(s, i, json_string_value(item));
		else
			spec_error(s, OPTIONS "[%zu] must be a string such as "
				   "\"CreateNamespace=true\"", i);
	}
	if (annotation_is(annotations, RECREATE, "true"))
		s->options |= OPT_RECREATE;
	decode_namespace_meta(s, policy);
	decode_ignore(s, spec);
}

static void on_bad_wait(void *arg, const char *words)
{
	spec_error(arg, "%s", words);
}

bool auto_revert_parse(const char *text, enum auto_revert *ret)
{
	static const char *const words[] = {
		[REVERT_OFF] = "false", [REVERT_REPORT] = "report", [REVERT_ON] = "true",
	};

	for (size_t i = 0; text && i < ARRAY_LEN(words); i++)
		if (!strcmp(words[i], text)) {
			*ret = (enum auto_revert)i;
			return true;
		}
	return false;
}

static void decode_auto_revert(struct app_spec *s, const json_t *annotations,
			       const struct app_defaults *defaults)
{
	const char *text = doc_get_str(annotations, "syncd.dev/auto-revert", NULL);

	s->auto_revert = defaults->auto_revert && s->automated ? REVERT_ON :
								 REVERT_OFF;
	if (!text)
		return;
	s->auto_revert_said = auto_revert_parse(text, &s->auto_revert);
	if (!s->auto_revert_said)
		spec_error(s, "annotation syncd.dev/auto-revert: \"%.40s\" must be "
			   "\"true\", \"report\" or \"false\"", text);
}

/* As Argo CD writes and reads it: a time. What is none approves nothing. */
static void decode_approvals(struct app_spec *s, const json_t *annotations)
{
	const char *when = doc_get_str(annotations,
		"argocd.argoproj.io/deletion-approved", NULL);
	const char *list = doc_get_str(annotations, "syncd.dev/prune-approved",
				       NULL);
	int64_t ms = when ? time_parse_rfc3339(when) : -1;

	s->deletion_approved_ms = ms > 0 ? ms : 0;
	if (when && ms <= 0)
		spec_warn(s, "annotation argocd.argoproj.io/deletion-approved: "
			  "\"%.40s\" is no time such as 2026-11-21T17:00:00Z and "
			  "approves nothing", when);
	if (list && strlen(list) < sizeof(s->prune_approved))
		strcpy(s->prune_approved, list);
}

/* Those of an Application; and, from "operation" on, of one that is itself deployed. */
static const char *const annotations_known[] = {
	"auto-revert", "soak", "wave-deadline", "hook-deadline", "degraded-grace",
	"pull-grace", "crash-grace", "recreate-on-immutable", "pin", "suspend",
	"depends-on", "prune-approved", "deploy-control", "environment", "approved",
	"approved-by", "approved-at", "approved-until", "approved-revision",
	"approved-reason", "state", "operation", "application", "install", "revert-on",
	"reversible", "prune", "health-after", "service", "lint-ignore", NULL
};

/* Ours alone: who misspells one believes in it, when it matters most. */
static void warn_unknown(struct app_spec *s, const json_t *annotations)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)annotations, key, v) {
		const char *const *a = annotations_known;

		if (strncmp(key, "syncd.dev/", 10))
			continue;
		while (*a && strcmp(*a, key + 10))
			a++;
		if (!*a)
			spec_warn(s, "annotation %.100s is not known and has no effect", key);
	}
}

void app_annotations_decode(struct app_spec *s, const json_t *annotations,
			    const struct app_defaults *defaults)
{
	const char *refresh = doc_get_str(annotations,
					  "argocd.argoproj.io/refresh", NULL);

	if (refresh)
		s->refresh = !strcmp(refresh, "hard") ? REFRESH_HARD :
							REFRESH_NORMAL;
	s->skip_reconcile = annotation_is(annotations,
		"argocd.argoproj.io/skip-reconcile", "true");
	s->links = links_of_annotations(annotations);
	decode_auto_revert(s, annotations, defaults);
	decode_approvals(s, annotations);
	waits_decode(&s->waits, annotations, on_bad_wait, s);
	waits_settle(s, NULL, NULL, defaults);
	warn_unknown(s, annotations);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The options as a sorted list without doubles: their order means nothing. */
static json_t *sorted_options(const struct app_spec *s, const json_t *spec)
{
	const json_t *list = doc_get(spec, "syncPolicy", "syncOptions", NULL);
	size_t n = 0, count = json_array_size(list);
	_cleanup_free_ const char **texts = xcalloc(count + 1, sizeof(*texts));
	json_t *out = json_array();
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item) {
		if (json_is_string(item))
			texts[n++] = json_string_value(item);
	}
	if (s->options & OPT_RECREATE)
		texts[n++] = RECREATE;
	qsort(texts, n, sizeof(*texts), by_text);
	for (i = 0; i < n; i++) {
		if (!i || strcmp(texts[i], texts[i - 1]))
			json_array_append_new(out, json_string(texts[i]));
	}
	return out;
}

static void digest(const json_t *j, char out[65])
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	doc_canonical(j, &text);
	sha256_hex(text.data, text.len, out);
}

/* server and name of our own cluster are the same destination: neither counts. */
void app_digests(struct app_spec *s, const json_t *spec)
{
	_cleanup_json_ json_t *options = json_object();
	json_t *ignore = s->ignore_differences;

	json_object_set_new(options, "destination", json_string(s->dest_ns));
	json_object_set_new(options, "syncOptions", sorted_options(s, spec));
	if (json_array_size(ignore))
		json_object_set(options, "ignoreDifferences", ignore);
	if (s->namespace_meta)
		json_object_set(options, "managedNamespaceMetadata", s->namespace_meta);
	digest(options, s->options_digest);
}
