/*
 * The `operation` field: a person or a tool asks for a sync. It is not part of
 * the spec, so what is wrong with it never stops the application: a part that only
 * widens what is done is left out with a warning; where something would be done
 * that nobody asked for, the operation is refused (bad).
 */
#include <string.h>

#include "app_spec_priv.h"
#include "gates.h"

#define OURS "syncd.dev/"
#define MAX_CHOICES 1000

static bool bool_of(const json_t *o, const char *key)
{
	return doc_get_bool(o, false, key, NULL);
}

static void refuse(struct app_operation *op, char *why)
{
	if (op->bad)
		free(why);
	else
		op->bad = why;
}

/* Tools repeat the spec's sources, or name those of a release that was. */
static bool are_the_same(const struct app_sources *a, const struct app_sources *b)
{
	return a->many == b->many && !strcmp(a->digest, b->digest);
}

/* The sources of the operation where it has its own, else the spec's, into op. */
static void take_sources(struct app_spec *s, const json_t *sync)
{
	struct app_operation *op = &s->operation;
	bool any = json_array_size(json_object_get(sync, "sources")) ||
		   json_object_size(json_object_get(sync, "source"));
	struct app_spec own = { 0 };

	if (any)
		app_sources_decode(&own, &own.sources, sync, "operation.sync");
	if (own.n_errors)
		refuse(op, xstrdup(own.errors[0]));
	op->own_sources = any && !own.n_errors &&
			  !are_the_same(&own.sources, &s->sources);
	app_sources_copy(&op->sources, op->own_sources ? &own.sources : &s->sources);
	app_spec_deinit(&own);
}

/* Which revision of source i is asked for? NULL: the one it names itself. */
static const char *revision_for(const struct app_sources *all, const json_t *sync,
				size_t i)
{
	const json_t *list = json_object_get(sync, "revisions");
	const char *one = doc_get_str(sync, "revision", NULL);

	if (!one || !*one || all->list.len != 1)
		one = json_string_value(json_array_get(list, i));
	return one && *one ? one : NULL;
}

static void take_revisions(struct app_operation *op, const json_t *sync)
{
	struct app_sources *all = &op->sources;
	size_t n = json_array_size(json_object_get(sync, "revisions"));
	const char *one = doc_get_str(sync, "revision", NULL);

	if (n > all->list.len)
		refuse(op, xasprintf("operation.sync.revisions names %zu revisions of "
				     "%zu sources", n, all->list.len));
	else if (!n && one && *one && all->list.len > 1)
		refuse(op, xasprintf("operation.sync.revision: there are %zu sources: "
				     "name a revision of each in operation.sync."
				     "revisions", all->list.len));
	for (size_t i = 0; i < all->list.len; i++) {
		const char *rev = revision_for(all, sync, i);

		if (!rev)
			continue;
		free(all->list.data[i].revision);
		all->list.data[i].revision = xstrdup(rev);
		if (!op->revision)
			op->revision = xstrdup(rev);
	}
	if (!op->revision && !op->own_sources)
		app_sources_deinit(all);	/* the spec's, as it may be by then */
}

static void take_release(struct app_operation *op, const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text < '1' || *text > '9' || *end || n > UINT32_MAX)
		refuse(op, xasprintf("operation.sync.syncOptions: " OURS "release=%.40s: "
				     "want a release's number, as syncctl history "
				     "shows it", text));
	else
		op->release = (uint32_t)n;
}

static void take_ttl(struct app_operation *op, const char *text)
{
	struct err err = ERR_INIT;

	if (duration_parse(text, &op->ttl_ms, &err) || !op->ttl_ms)
		refuse(op, xasprintf("operation.sync.syncOptions: " OURS "ttl=%.40s: want a "
				     "duration such as 2h", text));
}

static void take_gates(struct app_operation *op, const char *text)
{
	struct err err = ERR_INIT;

	op->gates = gate_bits(text, &err);
	if (!op->gates)
		refuse(op, xasprintf("operation.sync.syncOptions: " OURS "gates=%.60s: %s",
				     text, err.code ? err.msg : "names none"));
}

/* Without a reason there is nothing that the others could read. */
static void take_override(struct app_operation *op, const char *text)
{
	if (!*text || op->override) {
		refuse(op, xstrdup("operation.sync.syncOptions: " OURS "override= needs a "
				   "reason, once"));
		return;
	}
	op->override = xstrndup(text, 400);
}

/* One of ours: what follows "syncd.dev/". */
static void take_ours(struct app_operation *op, const char *text)
{
	if (!strncmp(text, "release=", 8))
		take_release(op, text + 8);
	else if (!strncmp(text, "ttl=", 4))
		take_ttl(op, text + 4);
	else if (!strncmp(text, "override=", 9))
		take_override(op, text + 9);
	else if (!strncmp(text, "gates=", 6))
		take_gates(op, text + 6);
	else if (!strcmp(text, "retry=true"))
		op->retry_rejected = true;
	else if (!strcmp(text, "unpin=true"))
		op->unpin = true;
	else
		refuse(op, xasprintf("operation.sync.syncOptions: " OURS "%.60s is not "
				     "known", text));
}

static void take_option(struct app_spec *s, size_t index, const char *text)
{
	struct app_operation *op = &s->operation;
	const char *propagation;
	uint32_t set;

	if (!strncmp(text, OURS, strlen(OURS))) {
		take_ours(op, text + strlen(OURS));
		return;
	}
	op->own_options = true;
	if (!sync_option_decode(text, &set, &propagation))
		spec_warn(s, "operation.sync.syncOptions[%zu]: \"%.80s\" is not known and "
			  "has no effect", index, text);
	op->options |= set;
	if (propagation) {
		free(op->propagation);
		op->propagation = xstrdup(propagation);
	}
}

static void decode_sync_options(struct app_spec *s, const json_t *sync)
{
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(sync, "syncOptions"), i, item)
		if (json_is_string(item))
			take_option(s, i, json_string_value(item));
}

/* force: a refused object may be replaced; it adds to the options in force. */
static void decode_strategy(struct app_spec *s, const json_t *sync)
{
	const json_t *strategy = doc_get(sync, "syncStrategy", NULL);
	struct app_operation *op = &s->operation;

	op->no_hooks = json_is_object(doc_get(strategy, "apply", NULL));
	if (!doc_get_bool(strategy, false, "apply", "force", NULL) &&
	    !doc_get_bool(strategy, false, "hook", "force", NULL))
		return;
	if (!op->own_options)
		op->options = s->options;
	op->own_options = true;
	op->options |= OPT_RECREATE;
}

/* An annotation of the application is none of its sync options: it stays in force. */
static void keep_recreate(struct app_spec *s, const json_t *annotations)
{
	const char *text = doc_get_str(annotations, "syncd.dev/recreate-on-immutable",
				       NULL);

	if (s->operation.own_options && text && !strcmp(text, "true"))
		s->operation.options |= OPT_RECREATE;
}

/* What cannot be read would choose all, or something else: it is refused. */
static void decode_resources(struct app_operation *op, const json_t *sync)
{
	const json_t *list = json_object_get(sync, "resources"), *item;
	size_t i;

	if (!list || json_is_null(list) || (json_is_array(list) &&
					    !json_array_size(list)))
		return;
	op->no_hooks = true;
	op->resources = list;
	if (!json_is_array(list) || json_array_size(list) > MAX_CHOICES)
		refuse(op, xasprintf("operation.sync.resources must be a list of at most "
				     "%d objects", MAX_CHOICES));
	json_array_foreach(list, i, item) {
		const char *kind = doc_get_str(item, "kind", NULL);
		const char *name = doc_get_str(item, "name", NULL);

		if (!kind || !*kind || !name || !*name)
			refuse(op, xasprintf("operation.sync.resources[%zu]: kind and name "
					     "are needed", i));
	}
}

/* What goes back, or is unpinned, does so as a whole and in earnest. */
static void check_rollback(struct app_operation *op)
{
	if ((op->release || op->unpin) && op->dry_run)
		refuse(op, xasprintf("operation.sync.dryRun: a rollback and an unpin have no dry "
				     "run: leave it out; syncctl diff shows what a release "
				     "would change"));
	if (op->release && op->resources)
		refuse(op, xasprintf("operation.sync.resources: a rollback is to a whole release: "
				     "leave them out"));
}

static void take_pause(struct app_spec *s, const json_t *backoff, const char *key,
		       uint64_t *ret_ms)
{
	const char *text = doc_get_str(backoff, key, NULL);

	if (text && *text && argo_duration(text, ret_ms))
		spec_warn(s, "operation.retry.backoff.%s: \"%.40s\" is not a "
			  "duration (write it like \"5s\" or \"3m\")", key, text);
}

static void decode_retry(struct app_spec *s, const json_t *retry)
{
	const json_t *backoff = doc_get(retry, "backoff", NULL);
	int64_t factor = doc_get_int(backoff, 2, "factor", NULL);
	struct app_retry *r = &s->operation.retry;

	if (!json_is_object(retry) || !json_object_size(retry))
		return;
	*r = RETRY_DEFAULTS;
	r->set = true;
	r->limit = retry_limit(doc_get_int(retry, 0, "limit", NULL));
	take_pause(s, backoff, "duration", &r->base_ms);
	take_pause(s, backoff, "maxDuration", &r->max_ms);
	if (!r->max_ms)
		r->max_ms = RETRY_NO_MAX_MS;
	if (factor < 1 || factor > 1000)
		spec_warn(s, "operation.retry.backoff.factor must be 1 to 1000");
	else
		r->factor = (unsigned)factor;
}

void app_operation_decode(struct app_spec *s, const json_t *app)
{
	struct app_operation *op = &s->operation;
	const json_t *raw = json_object_get(app, "operation"), *sync, *by;
	const char *who;

	op->initiated_by = xstrdup("");
	if (!json_is_object(raw))
		return;
	op->present = true;
	op->raw = json_deep_copy(raw);
	sync = doc_get(op->raw, "sync", NULL);
	by = doc_get(op->raw, "initiatedBy", NULL);
	who = doc_get_str(by, "username", NULL);
	free(op->initiated_by);
	op->initiated_by = xstrdup(who ? who : "");
	op->automated = bool_of(by, "automated");
	op->prune = bool_of(sync, "prune");
	op->dry_run = bool_of(sync, "dryRun");
	take_sources(s, sync);
	if (s->sources.list.len)	/* else nothing is done anyhow */
		take_revisions(op, sync);
	decode_sync_options(s, sync);
	decode_strategy(s, sync);
	keep_recreate(s, doc_get(app, "metadata", "annotations", NULL));
	decode_resources(op, sync);
	check_rollback(op);
	decode_retry(s, json_object_get(op->raw, "retry"));
	if (!json_is_object(sync))
		spec_warn(s, "operation.sync is missing: a sync of the whole "
			  "application is assumed");
	if (json_array_size(doc_get(sync, "manifests", NULL)))
		spec_warn(s, "operation.sync.manifests is not supported: "
			  "manifests come from Git");
}
