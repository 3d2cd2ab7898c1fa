/*
 * Which fields a spec may have: Argo CD 3.5's, as its types name them. One that is
 * not among them is a typing error more often than not, so the message names the one
 * that was probably meant. What the decoders refuse as a whole (Helm, plugins, ...) is
 * not looked into.
 */
#include <ctype.h>
#include <string.h>

#include "admission_priv.h"
#include "core/buf.h"
#include "core/doc.h"

#define NAME_MAX_LEN 48		/* of a field whose spelling is compared */

enum shape { LEAF, MAP, LIST };

struct field {
	const char *name;	/* NULL: the end */
	enum shape shape;
	const struct field *below;	/* of MAP and of LIST's items */
	const char *unused;	/* why it does nothing; NULL: it does something */
};

#define ONE(n) { n, LEAF, NULL, NULL }
#define IN(n, s, b) { n, s, b, NULL }
#define DEAD(n, why) { n, LEAF, NULL, why }
#define END { NULL, LEAF, NULL, NULL }

static const struct field selector[] = {
	ONE("group"), ONE("version"), ONE("kind"), ONE("name"), ONE("namespace"),
	ONE("annotationSelector"), ONE("labelSelector"), END
};
static const struct field patches[] = {
	ONE("path"), ONE("patch"), IN("target", MAP, selector), ONE("options"), END
};
static const struct field replicas[] = { ONE("name"), ONE("count"), END };
static const struct field kustomize[] = {
	ONE("namePrefix"), ONE("nameSuffix"), ONE("images"), ONE("commonLabels"),
	ONE("version"), ONE("commonAnnotations"), ONE("forceCommonLabels"),
	ONE("forceCommonAnnotations"), ONE("namespace"), ONE("commonAnnotationsEnvsubst"),
	IN("replicas", LIST, replicas), IN("patches", LIST, patches), ONE("components"),
	ONE("ignoreMissingComponents"), ONE("labelWithoutSelector"),
	ONE("labelIncludeTemplates"), ONE("kubeVersion"), ONE("apiVersions"), END
};
static const struct field directory[] = {
	ONE("recurse"), ONE("jsonnet"), ONE("exclude"), ONE("include"), END
};
static const struct field source[] = {
	ONE("repoURL"), ONE("path"), ONE("targetRevision"), ONE("helm"),
	IN("kustomize", MAP, kustomize), IN("directory", MAP, directory), ONE("plugin"),
	ONE("chart"), ONE("ref"), ONE("name"), ONE("tagPrefix"), END
};
static const struct field destination[] = {
	ONE("server"), ONE("namespace"), ONE("name"), END
};
static const struct field automated[] = {
	ONE("prune"), ONE("selfHeal"), ONE("allowEmpty"), ONE("enabled"), END
};
static const struct field backoff[] = {
	ONE("duration"), ONE("factor"), ONE("maxDuration"), END
};
static const struct field retry[] = {
	ONE("limit"), IN("backoff", MAP, backoff),
	DEAD("refresh", "a newer commit goes before further tries anyway"), END
};
static const struct field namespace_meta[] = { ONE("labels"), ONE("annotations"), END };
static const struct field policy[] = {
	IN("automated", MAP, automated), ONE("syncOptions"), IN("retry", MAP, retry),
	IN("managedNamespaceMetadata", MAP, namespace_meta), END
};
static const struct field ignored[] = {
	ONE("group"), ONE("kind"), ONE("name"), ONE("namespace"), ONE("jsonPointers"),
	ONE("jqPathExpressions"), ONE("managedFieldsManagers"), END
};
static const struct field info[] = { ONE("name"), ONE("value"), END };
static const struct field app[] = {
	IN("source", MAP, source), IN("destination", MAP, destination), ONE("project"),
	IN("syncPolicy", MAP, policy), IN("ignoreDifferences", LIST, ignored),
	IN("info", LIST, info), ONE("revisionHistoryLimit"), IN("sources", LIST, source),
	ONE("sourceHydrator"), END
};

static const struct field kinds[] = { ONE("group"), ONE("kind"), ONE("name"), END };
static const struct field windows[] = {
	ONE("kind"), ONE("schedule"), ONE("duration"), ONE("applications"),
	ONE("namespaces"), ONE("clusters"), ONE("manualSync"), ONE("timeZone"),
	ONE("andOperator"), ONE("description"),
	DEAD("syncOverrun", "a sync that runs when a window closes goes on to its end"), END
};
static const struct field accounts[] = {
	ONE("server"), ONE("namespace"), ONE("defaultServiceAccount"), END
};
static const struct field signers[] = { ONE("keyID"), END };
static const struct field orphaned[] = {
	ONE("warn"), IN("ignore", LIST, kinds), END
};
static const struct field project[] = {
	ONE("sourceRepos"), IN("destinations", LIST, destination), ONE("description"),
	DEAD("roles", "who may do what is Kubernetes' own RBAC's"),
	IN("clusterResourceWhitelist", LIST, kinds),
	IN("clusterResourceBlacklist", LIST, kinds),
	IN("namespaceResourceWhitelist", LIST, kinds),
	IN("namespaceResourceBlacklist", LIST, kinds),
	IN("orphanedResources", MAP, orphaned),
	IN("syncWindows", LIST, windows), IN("signatureKeys", LIST, signers),
	ONE("sourceIntegrity"), ONE("sourceNamespaces"),
	DEAD("permitOnlyProjectScopedClusters", "there is only this cluster"),
	IN("destinationServiceAccounts", LIST, accounts), END
};

/* ---- what was probably meant ---- */

static unsigned least(unsigned a, unsigned b, unsigned c)
{
	return a < b ? (a < c ? a : c) : (b < c ? b : c);
}

/* How many letters to add, leave out or change; upper and lower case are one. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[NAME_MAX_LEN + 1], diagonal, above;
	size_t n = strlen(b);

	for (unsigned i = 0; i <= n; i++)
		row[i] = i;
	for (unsigned i = 1; a[i - 1]; i++) {
		diagonal = row[0];
		row[0] = i;
		for (size_t k = 1; k <= n; k++) {
			bool differs = tolower((unsigned char)a[i - 1]) !=
				       tolower((unsigned char)b[k - 1]);

			above = row[k];
			row[k] = least(above + 1, row[k - 1] + 1, diagonal + differs);
			diagonal = above;
		}
	}
	return row[n];
}

static const char *meant(const struct field *known, const char *key)
{
	const char *best = NULL;
	unsigned far = 3;

	if (strlen(key) > NAME_MAX_LEN)
		return NULL;
	for (; known->name; known++) {
		unsigned d = distance(key, known->name);

		if (d < far && d < strlen(known->name) / 2) {
			far = d;
			best = known->name;
		}
	}
	return best;
}

/* ---- the walk: as deep as the tables are ---- */

static bool is_set(const json_t *v)
{
	return (json_is_object(v) && json_object_size(v)) ||
	       (json_is_array(v) && json_array_size(v)) || json_is_true(v) ||
	       (json_is_string(v) && json_string_length(v)) || json_is_number(v);
}

static void unknown(const struct field *known, const char *where, const char *key,
		    struct admission_findings *f)
{
	const char *best = meant(known, key);

	if (best)
		admission_say(&f->errors, "%s.%.80s is not a field: did you mean %s?", where,
			      key, best);
	else
		admission_say(&f->errors, "%s.%.80s is not a field: remove it", where, key);
}

static void walk(const struct field *known, const json_t *o, const char *where,
		 struct admission_findings *f);

static void walk_list(const struct field *known, const json_t *list, const char *where,
		      struct admission_findings *f)
{
	const json_t *item;
	size_t i;

	json_array_foreach((json_t *)list, i, item) {
		_cleanup_free_ char *at = xasprintf("%s[%zu]", where, i);

		walk(known, item, at, f);
		if (f->errors.left_out)
			return;
	}
}

static void look_at(const struct field *one, const json_t *v, const char *where,
		    struct admission_findings *f)
{
	_cleanup_free_ char *at = xasprintf("%s.%s", where, one->name);

	/* By the CRDs none may be, which the API server says in many words. */
	if (json_is_null(v))
		admission_say(&f->errors, "%s is null, which the API server refuses: write its "
			      "value, {} or [], or remove the line", at);
	if (one->unused && is_set(v))
		admission_say(&f->warnings, "%s has no effect: %s", at, one->unused);
	if (one->shape == MAP)
		walk(one->below, v, at, f);
	else if (one->shape == LIST)
		walk_list(one->below, v, at, f);
}

static void walk(const struct field *known, const json_t *o, const char *where,
		 struct admission_findings *f)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)o, key, v) {
		const struct field *one = known;

		while (one->name && strcmp(one->name, key))
			one++;
		if (one->name)
			look_at(one, v, where, f);
		else
			unknown(known, where, key, f);
		if (f->errors.left_out)
			return;
	}
}

void admission_app_fields(const json_t *spec, struct admission_findings *f)
{
	walk(app, spec, "spec", f);
}

void admission_project_fields(const json_t *spec, struct admission_findings *f)
{
	walk(project, spec, "spec", f);
}
