/*
 * annotations.c - what an object's annotations ask of the engine.
 *
 * Argo CD's annotations win over Helm's of the same meaning. A wave that is no
 * number is an error here (Argo CD takes it for 0 and orders wrongly, silently);
 * an unknown hook stays as written: a hook with no phase, which is never applied.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>

#include "render_priv.h"

#define ARGO "argocd.argoproj.io/"

static const char *get(const struct node *notes, const char *key)
{
	return node_get_str(notes, key);
}

static bool is(const struct node *notes, const char *key, const char *value)
{
	const char *s = get(notes, key);

	return s && strcmp(s, value) == 0;
}

/* Go's Atoi for an int: optional sign, digits, nothing else. */
static bool parse_wave(const char *s, int *ret)
{
	char *end;
	long v;

	if (!isdigit((unsigned char)s[*s == '-' || *s == '+']))
		return false;
	errno = 0;
	v = strtol(s, &end, 10);
	if (*end || errno || v < INT_MIN || v > INT_MAX)
		return false;
	*ret = (int)v;
	return true;
}

static int read_wave(struct rendered *o, const struct node *notes, struct err *err)
{
	const char *wave = get(notes, ARGO "sync-wave");
	const char *weight = get(notes, "helm.sh/hook-weight");

	if (wave && !parse_wave(wave, &o->wave))
		return err_set(err, ERR_INVALID, "annotation " ARGO "sync-wave is '%.40s'; "
			       "it must be a whole number such as \"-1\"", wave);
	/* Helm itself takes a weight that is no number for 0. */
	if (!wave && weight)
		parse_wave(weight, &o->wave);
	return 0;
}

/* Calls fn for each trimmed part of a comma separated list. */
static void each_part(const char *list, void (*fn)(const char *part, void *arg),
		      void *arg)
{
	while (list && *list) {
		size_t n = strcspn(list, ",");
		const char *from = list, *to = list + n;
		_cleanup_free_ char *part = NULL;

		while (from < to && isspace((unsigned char)*from))
			from++;
		while (to > from && isspace((unsigned char)to[-1]))
			to--;
		part = xstrndup(from, (size_t)(to - from));
		if (*part)
			fn(part, arg);
		list += n + (list[n] == ',');
	}
}

/* Is it one of a comma separated list without spaces? */
static bool has_part(const char *list, const char *part)
{
	size_t n = strlen(part);

	for (const char *at = list; (at = strstr(at, part)); at += n) {
		if ((at == list || at[-1] == ',') && (at[n] == ',' || !at[n]))
			return true;
	}
	return false;
}

/* Appends a phase once. */
static void add_phase(struct buf *phases, const char *phase)
{
	if (has_part(buf_str(phases), phase))
		return;
	if (phases->len)
		buf_addc(phases, ',');
	buf_adds(phases, phase);
}

static void add_argo_phase(const char *part, void *arg)
{
	add_phase(arg, part);
}

static const char *helm_phase(const char *part)
{
	static const char *const map[][2] = {
		{ "pre-install", "PreSync" }, { "pre-upgrade", "PreSync" },
		{ "post-install", "PostSync" }, { "post-upgrade", "PostSync" },
		{ "pre-delete", "PreDelete" }, { "post-delete", "PostDelete" },
	};

	for (size_t i = 0; i < ARRAY_LEN(map); i++) {
		if (strcmp(part, map[i][0]) == 0)
			return map[i][1];
	}
	return part;
}

static bool any_part(const char *list, const char *const *parts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (has_part(list, parts[i]))
			return true;
	}
	return false;
}

static const char *const sync_phases[] = { "PreSync", "Sync", "PostSync", "SyncFail",
					   "Skip" };
static const char *const delete_phases[] = { "PreDelete", "PostDelete" };

static bool is_argo_phase(const char *part)
{
	return any_part(part, sync_phases, ARRAY_LEN(sync_phases)) ||
	       any_part(part, delete_phases, ARRAY_LEN(delete_phases));
}

/* Argo CD's own names mean nothing among Helm's. */
static void add_helm_phase(const char *part, void *arg)
{
	if (!is_argo_phase(part))
		add_phase(arg, helm_phase(part));
}

/* Beside Argo CD's own annotation only Helm's phases of a deletion count. */
static void add_helm_deletion(const char *part, void *arg)
{
	const char *phase = helm_phase(part);

	if (phase != part && strstr(phase, "Delete"))
		add_phase(arg, phase);
}

bool hook_ever_runs(const struct rendered *o)
{
	return o->flags & OBJ_HOOK &&
	       (any_part(o->hook, sync_phases, ARRAY_LEN(sync_phases) - 1) ||
		any_part(o->hook, delete_phases, ARRAY_LEN(delete_phases)));
}

/* Where none of Argo CD's phases of a sync is written, Helm's count. */
static void read_hook(struct rendered *o, const struct node *notes)
{
	_cleanup_buf_ struct buf phases = BUF_INIT;
	const char *argo = get(notes, ARGO "hook"), *helm = get(notes, "helm.sh/hook");

	/* Helm marks CRDs with a hook of their own; they are no hooks. */
	if (helm && strcmp(helm, "crd-install") == 0)
		helm = NULL;
	each_part(argo, add_argo_phase, &phases);
	each_part(helm, any_part(buf_str(&phases), sync_phases,
				 ARRAY_LEN(sync_phases)) ?
		  add_helm_deletion : add_helm_phase, &phases);
	o->hook = buf_steal(&phases, NULL);
	if (argo || helm)
		o->flags |= OBJ_HOOK;
	/* Skip alone, or beside what nobody knows. */
	if (has_part(o->hook, "Skip") && !hook_ever_runs(o))
		o->flags = (o->flags & ~(uint32_t)OBJ_HOOK) | OBJ_SKIP;
}

static void add_policy(const char *part, void *arg)
{
	static const struct {
		const char *policy;
		uint32_t flag;
	} map[] = {
		{ "BeforeHookCreation", OBJ_HOOK_BEFORE },
		{ "HookSucceeded", OBJ_HOOK_SUCCEEDED },
		{ "HookFailed", OBJ_HOOK_FAILED },
	};
	uint32_t *set = arg;

	for (size_t i = 0; i < ARRAY_LEN(map); i++) {
		if (strcmp(part, map[i].policy) == 0)
			*set |= map[i].flag | OBJ_HOOK;
	}
}

static void add_helm_policy(const char *part, void *arg)
{
	static const char *const map[][2] = {
		{ "before-hook-creation", "BeforeHookCreation" },
		{ "hook-succeeded", "HookSucceeded" },
		{ "hook-failed", "HookFailed" },
	};

	for (size_t i = 0; i < ARRAY_LEN(map); i++) {
		if (strcmp(part, map[i][0]) == 0)
			add_policy(map[i][1], arg);
	}
}

/* Both annotations count together; OBJ_HOOK in `set` says that one was valid. */
static void read_policies(struct rendered *o, const struct node *notes)
{
	uint32_t set = 0;

	if (!(o->flags & OBJ_HOOK))
		return;
	each_part(get(notes, ARGO "hook-delete-policy"), add_policy, &set);
	each_part(get(notes, "helm.sh/hook-delete-policy"), add_helm_policy, &set);
	o->flags |= set ? set : OBJ_HOOK_BEFORE;
	if (is(notes, "syncd.dev/reversible", "true"))
		o->flags |= OBJ_REVERSIBLE;
}

static void add_option(const char *part, void *arg)
{
	*(uint32_t *)arg |= sync_option_flags(sync_option_of(part, strlen(part)));
}

static void add_compare_option(const char *part, void *arg)
{
	if (strcmp(part, "IgnoreExtraneous") == 0)
		*(uint32_t *)arg |= OBJ_IGNORE_EXTRANEOUS;
}

static void add_keep(const char *part, void *arg)
{
	if (strcmp(part, "keep") == 0)
		*(uint32_t *)arg |= OBJ_KEEP | OBJ_DELETE_KEEP;
}

static void read_flags(struct rendered *o, const struct node *notes)
{
	each_part(get(notes, ARGO "sync-options"), add_option, &o->flags);
	each_part(get(notes, ARGO "compare-options"), add_compare_option, &o->flags);
	each_part(get(notes, "helm.sh/resource-policy"), add_keep, &o->flags);
	if (is(notes, ARGO "ignore-healthcheck", "true"))
		o->flags |= OBJ_IGNORE_HEALTH;
	if (is(notes, "syncd.dev/revert-on", "health"))
		o->flags |= OBJ_EVIDENCE;
	if (is(notes, "syncd.dev/recreate-on-immutable", "true"))
		o->flags |= OBJ_RECREATE;
	if (is(notes, "syncd.dev/prune", "before"))
		o->flags |= OBJ_PRUNE_BEFORE;
}

static bool is_conversion_crd(const struct rendered *o, const struct node *object)
{
	const char *strategy = node_get_str(
		node_find(object, "spec", "conversion", NULL), "strategy");

	return strcmp(o->kind, "CustomResourceDefinition") == 0 && strategy &&
	       strcmp(strategy, "Webhook") == 0;
}

/* Objects of one service go out, or are held, together: deploy-control names them. */
static void read_service(struct rendered *o, const struct node *object)
{
	const struct node *labels = node_find(object, "metadata", "labels", NULL);
	const char *name = get(node_find(object, "metadata", "annotations", NULL),
			       "syncd.dev/service");

	if (!name)
		name = get(labels, "app.kubernetes.io/name");
	if (!name)
		name = get(labels, "app");
	free(o->service);
	o->service = xstrdup(name ? name : "");
}

int annotations_read(struct rendered *o, const struct node *object, struct err *err)
{
	const struct node *notes = node_find(object, "metadata", "annotations", NULL);

	if (read_wave(o, notes, err) < 0)
		return -1;
	read_hook(o, notes);
	read_policies(o, notes);
	read_flags(o, notes);
	read_service(o, object);
	if (is_conversion_crd(o, object))
		o->flags |= OBJ_CRD_CONVERSION;
	return 0;
}
