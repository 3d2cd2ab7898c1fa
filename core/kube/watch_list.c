/*
 * The initial state in pages, for servers that do not stream lists.
 *
 * Happy path: wait for the turn (one paged list at a time per client), ask for
 * pages of 50 until there is no continue token, give every item, hand over to the
 * watch at the list's version. A continue token may expire (410): the list then
 * begins again from the start, as after any other failure.
 */
#include <string.h>

#include "core/doc.h"
#include "core/mem.h"
#include "watch_priv.h"

static void on_page(struct kube_request *r, const struct err *err);

static void ask(struct watch *w, const char *next)
{
	kube_request_deinit(&w->page);
	kube_list_init(&w->page, &w->ref, w->labels, WATCH_PAGE, next);
	if (w->fields) {
		buf_adds(&w->page.path, "&fieldSelector=");
		buf_add_escaped(&w->page.path, w->fields);
	}
	w->page.parse = true;
	w->page.on_done = on_page;
	kube_start(w->k, &w->page);
}

static void on_turn(struct kube_turn *t)
{
	struct watch *w = container_of(t, struct watch, turn);

	w->first_page = true;
	ask(w, NULL);
}

void watch_pages_start(struct watch *w)
{
	w->turn.fn = on_turn;
	kube_turn_take(w->k, &w->turn);
}

void watch_pages_stop(struct watch *w)
{
	kube_abandon(w->k, &w->page);
	kube_turn_drop(&w->turn);
}

/*
 * Items of built-in kinds come without apiVersion and kind; events of a watch have
 * them. The page is ours alone, so they are filled in here.
 */
static void complete(json_t *item, const char *api_version, const char *kind)
{
	size_t n = kind ? strlen(kind) : 0;

	if (!api_version || n <= 4 || strcmp(kind + n - 4, "List") != 0 ||
	    json_object_get(item, "kind"))
		return;
	json_object_set_new(item, "apiVersion", json_string(api_version));
	json_object_set_new(item, "kind", json_stringn(kind, n - 4));
}

/* false: the watch is gone. */
static bool give_items(struct watch *w, const json_t *page)
{
	const json_t *items = doc_get(page, "items", NULL);
	const char *api_version = doc_get_str(page, "apiVersion", NULL);
	const char *kind = doc_get_str(page, "kind", NULL);

	for (size_t i = 0; i < json_array_size(items); i++) {
		json_t *item = json_array_get(items, i);

		if (!json_is_object(item))
			continue;
		complete(item, api_version, kind);
		if (!watch_tell_event(w, WATCH_UPSERT, item))
			return false;
	}
	return true;
}

static void on_page(struct kube_request *r, const struct err *err)
{
	struct watch *w = container_of(r, struct watch, page);
	const char *next, *version;
	struct err bad = ERR_INIT;

	if (err->code) {
		watch_failed(w, err);
		return;
	}
	version = doc_get_str(r->json, "metadata", "resourceVersion", NULL);
	if (!version) {
		err_set(&bad, ERR_NET, "list of %s: no resourceVersion in the answer",
			w->ref.resource);
		watch_failed(w, &bad);
		return;
	}
	if (w->first_page && !watch_tell_reset(w))
		return;
	w->first_page = false;
	if (!give_items(w, r->json))
		return;
	next = doc_get_str(r->json, "metadata", "continue", NULL);
	if (next && next[0]) {
		ask(w, next);
		return;
	}
	kube_turn_drop(&w->turn);
	watch_listed(w, version);
}
