/*
 * syncctl sync APP, and what else is asked for in the operation field: rollback,
 * retry. Each follows its own request to the end.
 */
#include "syncctl.h"

#include "core/mem.h"

#include <stdio.h>

/* The policy lets it be written only in the caller's own name. */
static int sync_over(struct cluster *c, const struct options *o)
{
	_cleanup_free_ char *why = xasprintf("syncd.dev/override=%s", o->override);
	_cleanup_free_ char *gates = o->gates ?
		xasprintf("syncd.dev/gates=%s", o->gates) : NULL;
	const char *options[] = { why, gates, NULL };
	struct err err = ERR_INIT;
	_cleanup_free_ char *user = cluster_user(c, &err);

	if (!user)
		return output_error(&err);
	return request_run(c, o, &(struct asking){ "sync", options, user });
}

static int sync_app(struct cluster *c, const struct options *o)
{
	if (o->override)
		return sync_over(c, o);
	return request_run(c, o, &(struct asking){ "sync", NULL, NULL });
}

int cmd_sync(const struct options *o)
{
	struct err err = ERR_INIT;

	if (o->override && !*o->override)
		return output_usage("--override needs a reason");
	if (o->gates && !o->override)
		return output_usage("--gate goes with --override");
	if (view_named_check(&o->named, &err))
		return output_usage("%s", err.msg);
	return cluster_run(o, sync_app);
}

/* "42" or "#42"; 0: it is no number of a release. */
static uint32_t release_number(const char *text)
{
	char *end;
	unsigned long n;

	text += *text == '#';
	n = strtoul(text, &end, 10);
	return *text < '1' || *text > '9' || *end || n > UINT32_MAX ? 0 : (uint32_t)n;
}

static int rollback(struct cluster *c, const struct options *o)
{
	_cleanup_json_ json_t *app = NULL;
	_cleanup_free_ char *release = NULL, *ttl = NULL;
	const char *options[3] = { NULL };
	struct err err = ERR_INIT;
	uint32_t id;

	app = cluster_get(c, o->args[0], &err);
	if (!app)
		return output_error(&err);
	id = o->n_args > 1 ? release_number(o->args[1]) : view_previous_release(app);
	if (!id && o->n_args > 1)
		return output_usage("'%s' is no release: want its number, as in syncctl "
				    "history %s", o->args[1], o->args[0]);
	if (!id) {
		fprintf(stderr, "syncctl: %s has no earlier good release: syncctl history "
			"%s\n", o->args[0], o->args[0]);
		return EXIT_DIFFERENCE;
	}
	release = xasprintf("syncd.dev/release=%u", id);
	ttl = o->ttl ? xasprintf("syncd.dev/ttl=%s", o->ttl) : NULL;
	options[0] = release;
	options[1] = ttl;
	printf("rolling %s back to release #%u\n", o->args[0], id);
	fflush(stdout);
	return request_run(c, o, &(struct asking){ "rollback", options, NULL });
}

int cmd_rollback(const struct options *o)
{
	return cluster_run(o, rollback);
}

static int retry(struct cluster *c, const struct options *o)
{
	static const char *const options[] = { "syncd.dev/retry=true", NULL };
	_cleanup_json_ json_t *app = NULL;
	struct err err = ERR_INIT;

	app = cluster_get(c, o->args[0], &err);
	if (!app)
		return output_error(&err);
	if (!view_may_retry(app)) {
		fprintf(stderr, "syncctl: nothing of %s was rejected or failed: to sync it, "
			"run syncctl sync %s\n", o->args[0], o->args[0]);
		return EXIT_DIFFERENCE;
	}
	return request_run(c, o, &(struct asking){ "retry", options, NULL });
}

int cmd_retry(const struct options *o)
{
	return cluster_run(o, retry);
}
