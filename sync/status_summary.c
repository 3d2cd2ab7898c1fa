/*
 * status.summary: the images of what Git wants, and the addresses under which
 * people reach what runs. Both sorted, each once.
 */
#include "status_parts.h"

#include "sync/links.h"

#define MAX_IMAGES 200
#define MAX_LINKS 200

struct words {
	const char **data;
	size_t len, cap;
};

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Left out when there is none. */
static void put_words(json_t *o, const char *key, struct words *w, size_t max)
{
	json_t *list = json_array();

	if (w->len)
		qsort(w->data, w->len, sizeof(*w->data), compare);
	for (size_t i = 0; i < w->len && json_array_size(list) < max; i++)
		if (!i || strcmp(w->data[i - 1], w->data[i]))
			json_array_append_new(list, any_string(w->data[i]));
	vec_deinit(w);
	if (json_array_size(list))
		json_object_set(o, key, list);
	json_decref(list);
}

/* Unknown while the target is not what was compared. */
static void put_images(json_t *o, const struct status_view *v)
{
	const struct render_answer *r = v->record && v->record->pin_why ? NULL :
					v->release;
	struct words images = { 0 };
	struct arena arena = { 0 };

	for (size_t i = 0; r && i < r->n_objects; i++) {
		bool left_out = r->objects[i].flags & OBJ_EXCLUDED;
		const char *text = left_out ? NULL : r->objects[i].images;
		char *copy = arena_strdup(&arena, text ? text : ""), *rest = NULL;

		for (char *s = strtok_r(copy, " ", &rest); s;
		     s = strtok_r(NULL, " ", &rest))
			vec_push(&images, s);
	}
	put_words(o, "images", &images, MAX_IMAGES);
	arena_deinit(&arena);
}

static void put_links(json_t *o, const struct status_view *v,
		      const struct target_rows *rows)
{
	struct words links = { 0 };

	for (size_t i = 0; i < rows->len; i++)
		if (rows->data[i].live)
			links_foreach(s, rows->data[i].live->links)
				vec_push(&links, s);
	links_foreach(s, v->spec->links)
		vec_push(&links, s);
	put_words(o, "externalURLs", &links, MAX_LINKS);
}

json_t *status_summary(const struct status_view *v, const struct target_rows *rows)
{
	json_t *o = json_object();

	put_links(o, v, rows);
	put_images(o, v);
	return o;
}
