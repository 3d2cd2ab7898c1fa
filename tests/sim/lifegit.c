/* What lies in Git: a folder per application, and what a commit of it holds. */
#include <ctype.h>
#include <stdio.h>

#include "core/doc.h"
#include "life.h"

static struct life_file *find(const struct life_app *a, const char *file)
{
	for (size_t i = 0; i < a->files.len; i++)
		if (!strcmp(a->files.data[i].name, file))
			return &a->files.data[i];
	return NULL;
}

bool lifegit_has_file(const struct life_app *a, const char *file)
{
	return find(a, file) != NULL;
}

static void commit(struct life_app *a, const char *file, const char *text)
{
	_cleanup_free_ char *path = xasprintf("%s/%s", a->name, file);

	sim_git_commit(a->life->s, a->repo, "main", path, text);
	a->commits++;
	if (strcmp(file, "shared.yaml") != 0)
		return;
	if (text && a->unshared)
		a->shared_again = sim_now(a->life->s);
	a->unshared = a->unshared || !text;
}

static void forget(struct life_app *a, struct life_file *f)
{
	size_t i = (size_t)(f - a->files.data);

	free(f->name);
	free(f->text);
	memmove(f, f + 1, (a->files.len - i - 1) * sizeof(*f));
	a->files.len--;
}

void lifegit_put(struct life_app *a, const char *file, const char *text)
{
	struct life_file *f = find(a, file);

	life_say(a->life, "%s: %s %s", a->name, text ? "commit" : "remove", file);
	if (!text) {
		if (!f)
			return;
		forget(a, f);
	} else if (f) {
		free(f->text);
		f->text = xstrdup(text);
	} else {
		vec_push(&a->files, ((struct life_file){ xstrdup(file), xstrdup(text) }));
	}
	if (!a->emptied)
		commit(a, file, text);
}

void lifegit_empty(struct life_app *a)
{
	life_say(a->life, "%s: the folder is emptied", a->name);
	for (size_t i = 0; !a->emptied && i < a->files.len; i++)
		commit(a, a->files.data[i].name, NULL);
	a->emptied = true;
}

void lifegit_restore(struct life_app *a)
{
	if (!a->emptied)
		return;
	life_say(a->life, "%s: the folder is restored", a->name);
	for (size_t i = 0; i < a->files.len; i++)
		commit(a, a->files.data[i].name, a->files.data[i].text);
	a->emptied = false;
}

/* ---- manifests ---- */

static char *workload(const char *kind, const char *name, const char *tag,
		      const char *more)
{
	return xasprintf("{\"apiVersion\":\"apps/v1\",\"kind\":\"%s\","
		"\"metadata\":{\"name\":\"%s\",\"annotations\":{"
		"\"argocd.argoproj.io/sync-wave\":\"2\"}},\"spec\":{\"replicas\":%d%s,"
		"\"selector\":{\"matchLabels\":{\"app\":\"%s\"}},\"template\":{"
		"\"metadata\":{\"labels\":{\"app\":\"%s\"}},\"spec\":{\"containers\":[{"
		"\"name\":\"main\",\"image\":\"registry.example/%s:%s\"}]}}}}",
		kind, name, *more ? 2 : 1, more, name, name, name, tag);
}

void lifegit_web(struct life_app *a, const char *tag)
{
	_cleanup_free_ char *text = workload("Deployment", "web", tag, "");

	life_say(a->life, "%s: web:%s", a->name, tag);
	lifegit_put(a, "web.yaml", text);
}

void lifegit_set(struct life_app *a, const char *tag)
{
	_cleanup_free_ char *text = workload("StatefulSet", "db", tag,
					     ",\"serviceName\":\"db\"");

	lifegit_put(a, "db.yaml", text);
}

void lifegit_map(struct life_app *a, unsigned n, const char *value)
{
	_cleanup_free_ char *file = xasprintf("map-%u.yaml", n);
	_cleanup_free_ char *text = value ? xasprintf("{\"apiVersion\":\"v1\","
		"\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"map-%u\","
		"\"annotations\":{\"argocd.argoproj.io/sync-wave\":\"%u\"}},\"data\":{"
		"\"key\":\"%s\"}}", n, n % 2, value) : NULL;

	lifegit_put(a, file, text);
}

void lifegit_hook(struct life_app *a, const char *phase, const char *tag,
		  const char *policy)
{
	_cleanup_free_ char *file = xasprintf("hook-%s.yaml", phase);
	_cleanup_free_ char *name = xasprintf("hook-%s", phase);
	_cleanup_free_ char *more = policy && *policy ? xasprintf(",\"argocd.argoproj."
		"io/hook-delete-policy\":\"%s\"", policy) : xstrdup("");
	_cleanup_free_ char *text = NULL;

	for (char *c = name; *c; c++)
		*c = (char)tolower(*c);
	if (tag)
		text = xasprintf("{\"apiVersion\":\"batch/v1\",\"kind\":\"Job\","
			"\"metadata\":{\"name\":\"%s\",\"annotations\":{"
			"\"argocd.argoproj.io/hook\":\"%s\"%s}},\"spec\":{"
			"\"backoffLimit\":0,\"template\":{\"spec\":{\"restartPolicy\":"
			"\"Never\",\"containers\":[{\"name\":\"x\",\"image\":"
			"\"tools:%s\"}]}}}}", name, phase, more, tag);
	lifegit_put(a, file, text);
}

#define WIDGET_VERSION "{\"name\":\"%s\",\"served\":%s,\"storage\":%s,\"schema\":{" \
	"\"openAPIV3Schema\":{\"type\":\"object\",\"properties\":{\"spec\":{\"type\":" \
	"\"object\",\"properties\":{\"size\":{\"type\":\"integer\"}}}}}}}"

static const char *yes(bool is)
{
	return is ? "true" : "false";
}

char *lifegit_crd_versions(bool v1, bool v2)
{
	return xasprintf("[" WIDGET_VERSION "," WIDGET_VERSION "]", "v1", yes(v1), yes(!v2),
			 "v2", yes(v2), yes(v2));
}

void lifegit_crd(struct life_app *a, bool v1, bool v2)
{
	_cleanup_free_ char *versions = lifegit_crd_versions(v1, v2);
	_cleanup_free_ char *text = xasprintf("{\"apiVersion\":\"apiextensions.k8s.io/v1\","
		"\"kind\":\"CustomResourceDefinition\",\"metadata\":{\"name\":"
		"\"" LIFE_WIDGETS "\"},\"spec\":{\"group\":\"example.com\",\"scope\":"
		"\"Namespaced\",\"names\":{\"plural\":\"widgets\",\"singular\":\"widget\","
		"\"kind\":\"Widget\",\"listKind\":\"WidgetList\"},\"versions\":%s}}",
		versions);

	life_say(a->life, "%s: widgets of%s%s", a->name, v1 ? " v1" : "", v2 ? " v2" : "");
	lifegit_put(a, "crd.yaml", text);	/* stays: it is never pruned */
}

void lifegit_widget(struct life_app *a, const char *version, unsigned size)
{
	_cleanup_free_ char *text = version ? xasprintf("{\"apiVersion\":\"example.com/%s\","
		"\"kind\":\"Widget\",\"metadata\":{\"name\":\"widget\",\"annotations\":{"
		"\"argocd.argoproj.io/sync-wave\":\"%u\"}},\"spec\":{\"size\":%u}}",
		version, size % 2, size) : NULL;

	life_say(a->life, "%s: a widget of %s", a->name, version ? version : "nothing");
	lifegit_put(a, "widget.yaml", text);
}

void lifegit_share(struct life *x, unsigned n)
{
	static const char text[] = "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\","
		"\"metadata\":{\"name\":\"shared\",\"namespace\":\"common\"},\"data\":{"
		"\"key\":\"moved\"}}";

	x->shared = true;
	for (unsigned i = 0; i < x->n_apps; i++)
		if (i != n)
			lifegit_put(&x->apps[i], "shared.yaml", NULL);
	if (n < x->n_apps)
		lifegit_put(&x->apps[n], "shared.yaml", text);
}

static void start_one(struct life_app *a)
{
	struct sim *s = a->life->s;
	_cleanup_free_ char *readme = xasprintf("%s/README.md", a->name);

	sim_git_commit(s, a->repo, "main", readme, "an application\n");
	lifegit_web(a, sim_random(s) % 5 ? "v0" : "bad0");
	for (unsigned i = 0; i < 3; i++)
		if (sim_random(s) % 2)
			lifegit_map(a, i, "zero");
	if (sim_random(s) % 3 == 0)
		lifegit_put(a, "token.yaml", "{\"apiVersion\":\"v1\",\"kind\":\"Secret\","
			"\"metadata\":{\"name\":\"token\"},\"data\":{\"t\":\""
			LIFE_CANARY_64 "\"}}");
	if (sim_random(s) % 4 == 0)
		lifegit_put(a, "data.yaml", "{\"apiVersion\":\"v1\",\"kind\":"
			"\"PersistentVolumeClaim\",\"metadata\":{\"name\":\"data\"},"
			"\"spec\":{\"accessModes\":[\"ReadWriteOnce\"],\"resources\":{"
			"\"requests\":{\"storage\":\"1Gi\"}}}}");
	if (sim_random(s) % 4 == 0)
		lifegit_hook(a, "PreSync", "1", "");
	if (sim_random(s) % 6 == 0)
		lifegit_set(a, "v0");
}

void lifegit_start(struct life *x)
{
	for (unsigned i = 0; i < x->n_apps; i++)
		start_one(&x->apps[i]);
	if (sim_random(x->s) % 4 == 0) {
		lifegit_crd(&x->apps[0], true, sim_random(x->s) % 2);
		lifegit_widget(&x->apps[sim_random(x->s) % x->n_apps], "v1", 3);
	}
	if (sim_random(x->s) % 3 == 0)
		lifegit_share(x, 0);
}

void lifegit_free(struct life_app *a)
{
	while (a->files.len)
		forget(a, &a->files.data[a->files.len - 1]);
	vec_deinit(&a->files);
	record_deinit(&a->rec);
}

/* ---- questions ---- */

static const char *ns_of(const struct life_app *a, const json_t *o)
{
	const char *ns = doc_get_str(o, "metadata", "namespace", NULL);

	if (!strcmp(doc_get_str(o, "kind", NULL), "CustomResourceDefinition"))
		return "";
	return ns ? ns : a->ns;
}

bool lifegit_commit_has(const struct life_app *a, const char *oid, const char *kind,
			const char *ns, const char *name)
{
	struct gitsim *g = sim_git(a->life->s);
	size_t n = strlen(a->name);
	const char *path, *text;

	for (size_t i = 0; (path = gitsim_file(g, oid, i, &text)); i++) {
		_cleanup_json_ json_t *o = NULL;

		if (strncmp(path, a->name, n) || path[n] != '/' || *text != '{')
			continue;
		o = doc_parse(text, strlen(text), &(struct err){ .code = ERR_NONE });
		if (o && !strcmp(doc_get_str(o, "kind", NULL), kind) &&
		    !strcmp(doc_get_str(o, "metadata", "name", NULL), name) &&
		    !strcmp(ns_of(a, o), ns))
			return true;
	}
	return false;
}

void lifegit_each(const struct life_app *a,
		  void (*fn)(void *arg, const json_t *manifest, const char *ns),
		  void *arg)
{
	for (size_t i = 0; i < a->files.len; i++) {
		const char *text = a->files.data[i].text;
		_cleanup_json_ json_t *o = doc_parse(text, strlen(text),
				&(struct err){ .code = ERR_NONE });

		if (o)
			fn(arg, o, ns_of(a, o));
	}
}
