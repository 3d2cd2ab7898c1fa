/*
 * What can be wrong with an object that the API server would take: a function for each
 * rule, over the object as it will be sent. Of Secrets: check_secret.c.
 */
#include "checks.h"

/* ---- containers ---- */

struct pods {
	struct check *c;
	void (*fn)(struct pods *p, const struct field *container, bool runs_on);
	const json_t *spec;	/* of the pods */
};

static void each_in(struct pods *p, const struct field *spec, const char *list, bool init)
{
	const json_t *all = json_object_get(spec->value, list), *one;
	const struct field of = { .up = spec, .key = list, .value = all };
	size_t i;

	json_array_foreach((json_t *)all, i, one) {
		const struct field at = { .up = &of, .index = i, .value = one,
					  .name = doc_get_str(one, "name", NULL) };
		const char *restart = doc_get_str(one, "restartPolicy", NULL);

		if (json_is_object(one))
			p->fn(p, &at, !init || (restart && !strcmp(restart, "Always")));
	}
}

#define PATH_MAX_STEPS 5

/* Of whatever has pods, by the fields that lead to them. */
static void each_container(struct pods *p)
{
	static const char *const paths[][PATH_MAX_STEPS + 1] = {
		{ "spec" }, { "spec", "template", "spec" }, { "template", "spec" },
		{ "spec", "jobTemplate", "spec", "template", "spec" },
	};

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		struct field steps[PATH_MAX_STEPS + 1] = { { .value = p->c->object } };
		size_t n = 0;

		for (; n < PATH_MAX_STEPS && paths[i][n]; n++)
			steps[n + 1] = (struct field){ .up = &steps[n], .key = paths[i][n],
				.value = json_object_get(steps[n].value, paths[i][n]) };
		if (!json_is_array(json_object_get(steps[n].value, "containers")))
			continue;
		p->spec = steps[n].value;
		each_in(p, &steps[n], "containers", false);
		each_in(p, &steps[n], "initContainers", true);
	}
}

/* The tag of "host:5000/web:1.2@sha256:..."; NULL: none. *pinned: it has a digest. */
static const char *tag_of(const char *image, size_t *ret_len, bool *pinned)
{
	size_t len = strcspn(image, "@");
	const char *slash = memrchr(image, '/', len), *name = slash ? slash + 1 : image;
	const char *colon = memchr(name, ':', len - (size_t)(name - image));

	*pinned = image[len] == '@';
	if (!colon)
		return NULL;
	*ret_len = len - (size_t)(colon + 1 - image);
	return colon + 1;
}

static void judge_image(struct pods *p, const struct field *container, bool latest)
{
	const json_t *image = json_object_get(container->value, "image");
	const struct field at = { .up = container, .key = "image", .value = image };
	const char *text = json_string_value(image), *tag;
	bool pinned = false;
	size_t len = 0;

	if (!text || !*text)
		return;
	tag = tag_of(text, &len, &pinned);
	if (pinned)
		return;
	if (!latest && (!tag || !len))
		check_tell(p->c, RULE_IMAGE_TAG, &at, "%s has no tag: which one runs is up to "
			   "the registry and the day; name a version", text);
	else if (latest && len == 6 && !strncmp(tag, "latest", 6))
		check_tell(p->c, RULE_IMAGE_LATEST, &at, "%s: 'latest' is another image each "
			   "day, and a revert brings nothing back; name a version", text);
}

static void untagged(struct pods *p, const struct field *container, bool runs_on)
{
	(void)runs_on;
	judge_image(p, container, false);
}

static void latest(struct pods *p, const struct field *container, bool runs_on)
{
	(void)runs_on;
	judge_image(p, container, true);
}

void lint_image_tag(struct check *c)
{
	each_container(&(struct pods){ .c = c, .fn = untagged });
}

void lint_image_latest(struct check *c)
{
	each_container(&(struct pods){ .c = c, .fn = latest });
}

/* A limit is the request, too, where there is none. */
static bool asks_for(const json_t *of, const char *what)
{
	return doc_get(of, "resources", "requests", what, NULL) ||
	       doc_get(of, "resources", "limits", what, NULL);
}

static void unasked(struct pods *p, const struct field *container, bool runs_on)
{
	const struct field at = { .up = container, .key = "resources",
		.value = json_object_get(container->value, "resources") };
	bool cpu = asks_for(container->value, "cpu") || asks_for(p->spec, "cpu");
	bool memory = asks_for(container->value, "memory") || asks_for(p->spec, "memory");

	if (!runs_on || (cpu && memory))
		return;
	check_tell(p->c, RULE_REQUESTS, &at, "no request for %s: the scheduler takes it for "
		   "nothing; say resources.requests",
		   cpu ? "memory" : memory ? "cpu" : "cpu and memory");
}

void lint_requests(struct check *c)
{
	each_container(&(struct pods){ .c = c, .fn = unasked });
}
