/* A watch in a fake world, and a log of what it tells. */
#include "watchjob.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/doc.h"
#include "core/mem.h"

void note(struct seen *s, const char *word, const char *name)
{
	buf_addf(&s->log, "%s%s%s", s->log.len ? " " : "", word, name);
	if (s->free_on && strstr(buf_str(&s->log), s->free_on))
		s->w = watch_free(s->w);
}

static void on_reset(void *arg)
{
	note(arg, "reset", "");
}

static void on_event(void *arg, enum watch_event e, const json_t *object)
{
	note(arg, e == WATCH_DELETED ? "-" : "+",
	     doc_get_str(object, "metadata", "name", NULL));
}

static void on_synced(void *arg)
{
	note(arg, "synced", "");
}

static void on_trouble(void *arg, const struct err *err)
{
	struct seen *s = arg;

	if (err->code) {
		s->troubles++;
		s->trouble = *err;
		note(s, "trouble", "");
	} else {
		s->wells++;
		note(s, "well", "");
	}
}

const struct watch_handler handler = { on_reset, on_event, on_synced,
					      on_trouble };
const struct kube_ref CMS = { "", "v1", "configmaps", NULL, NULL, NULL };

struct seen *seen_new(void)
{
	struct seen *s = xcalloc(1, sizeof(*s));

	s->lab = lab_new((struct kube_limits){ 0 });
	s->w = watch_new(s->lab.k, &CMS, "a=b", NULL, &handler, s);
	return s;
}

void seen_free(struct seen *s)
{
	s->w = watch_free(s->w);
	lab_free(&s->lab);
	buf_deinit(&s->log);
	free(s);
}

void check_log(struct seen *s, const char *want)
{
	assert_string_equal(buf_str(&s->log), want);
	buf_clear(&s->log);
}

struct fake_call *seen_take(struct seen *s, const char *path)
{
	return fake_take(s->lab.f, "GET", path);
}

struct fake_call *listed(struct seen *s)
{
	struct fake_call *c = seen_take(s, "sendInitialEvents=true");

	fake_head(c, 200, 0, NULL);
	fake_data(c, EVENT("ADDED", "a", "3") EVENT("ADDED", "b", "7")
		  LIST_END("10"));
	check_log(s, "reset +a +b synced");
	return c;
}

struct fake_call *first_page(struct seen *s)
{
	fake_answer(seen_take(s, "sendInitialEvents"), 400, "{}");
	fake_run(s->lab.f, 0);
	return seen_take(s, "limit=50");
}
