/* One walk over what the file says; the cases are numbered in gates.h. */
#include "gates.h"

#include <assert.h>
#include <string.h>

#include "core/doc.h"
#include "core/mem.h"
#include "sync/approve.h"

static const char *const names[] = {
	[GATE_FILE] = "file", [GATE_GLOBAL] = "global", [GATE_ENABLED] = "enabled",
	[GATE_AUTO] = "auto", [GATE_WINDOW] = "window", [GATE_APPROVAL] = "approval",
	[GATE_SYNC_WINDOW] = "sync-window",
};
static_assert(ARRAY_LEN(names) == GATE_KIND_N, "a name per gate");

const char *gate_kind_str(enum gate_kind k)
{
	return (unsigned)k < GATE_KIND_N ? names[k] : "unknown";
}

uint32_t gate_bits(const char *list, struct err *err)
{
	uint32_t bits = 0;

	while (*list) {
		size_t n = strcspn(list, ",");
		unsigned i;

		for (i = 0; i < GATE_KIND_N; i++)
			if (strlen(names[i]) == n && !strncmp(names[i], list, n))
				break;
		if (i == GATE_KIND_N) {
			err_set(err, ERR_INVALID, "\"%.*s\" is no gate: write file, global, "
				"enabled, auto, window, approval or sync-window", (int)(n < 40 ? n : 40),
				list);
			return 0;
		}
		bits |= GATE_BIT(i);
		list += n + (list[n] == ',');
	}
	return bits;
}

static void shut(const struct gates_in *in, struct gates_shut *s, enum gate_kind kind,
		 const char *service, int64_t until_ms)
{
	if (in->passed & GATE_BIT(kind))
		return;
	assert(s->len < GATES_MAX);
	s->data[s->len++] = (struct gate){ kind, service, until_ms };
}

static void judge_service(const struct gates_in *in, const struct control_service *x,
			  struct gates_shut *s)
{
	if (!x->enabled)
		shut(in, s, GATE_ENABLED, x->name, 0);
	if (!x->auto_deploy)
		shut(in, s, GATE_AUTO, x->name, 0);
	if (x->approval && !in->approved)
		shut(in, s, GATE_APPROVAL, x->name, 0);
}

void gates_judge(const struct gates_in *in, struct gates_shut *ret)
{
	const struct control *c = in->control;

	ret->len = 0;
	if (!c) {
		shut(in, ret, GATE_FILE, NULL, 0);	/* 1 */
		return;
	}
	if (!c->global_auto)
		shut(in, ret, GATE_GLOBAL, NULL, 0);	/* 2 */
	if (!c->enabled)
		shut(in, ret, GATE_ENABLED, NULL, 0);	/* 3 */
	if (!c->auto_deploy)
		shut(in, ret, GATE_AUTO, NULL, 0);	/* 4 */
	if (c->window.enabled && !in->window.open)
		shut(in, ret, GATE_WINDOW, NULL, in->window.change_ms);	/* 5 */
	if (c->approval && !in->approved)
		shut(in, ret, GATE_APPROVAL, NULL, 0);	/* 6 */
	for (size_t i = 0; i < c->n_services; i++)
		judge_service(in, &c->services[i], ret);
}

bool gate_stops(const struct gate *g, bool by_itself)
{
	return by_itself || g->kind != GATE_AUTO;
}

const struct gate *gates_first(const struct gates_shut *s, bool by_itself)
{
	for (size_t i = 0; i < s->len && !s->data[i].service; i++)
		if (gate_stops(&s->data[i], by_itself))
			return &s->data[i];
	return NULL;
}

const struct gate *gates_of_service(const struct gates_shut *s, const char *service,
				    bool by_itself)
{
	for (size_t i = 0; i < s->len; i++) {
		const struct gate *g = &s->data[i];

		if (g->service && !strcmp(g->service, service) &&
		    gate_stops(g, by_itself))
			return g;
	}
	return NULL;
}

int64_t gates_until(const struct gates_shut *s, bool by_itself)
{
	int64_t until = 0;

	for (size_t i = 0; i < s->len && !s->data[i].service; i++) {
		if (!gate_stops(&s->data[i], by_itself))
			continue;
		if (!s->data[i].until_ms)
			return 0;
		if (s->data[i].until_ms > until)
			until = s->data[i].until_ms;
	}
	return until;
}

static void say_window(const struct control_window *w, int64_t until_ms, struct buf *out)
{
	char when[32];

	buf_adds(out, "is outside of its deployment window (");
	control_window_words(w, out);
	buf_addc(out, ')');
	if (!until_ms)
		return;
	time_rfc3339(until_ms, when);
	buf_addf(out, ", which opens at %s", when);
}

static void say_approval(const char *app, const char *commits, struct buf *out)
{
	buf_addf(out, "waits for approval: syncctl approve %s ", app);
	if (*commits)
		approve_revision(commits, out);
	else
		buf_adds(out, "REVISION");
}

void gate_words(const struct gate *g, const struct control *c, const char *file,
		const char *app, const char *commits, struct buf *out)
{
	if (g->kind == GATE_FILE) {
		buf_addf(out, "%s has not been readable so far: nothing new goes out", file);
		return;
	}
	if (g->kind == GATE_GLOBAL) {
		buf_addf(out, "global.auto_deploy is false in %s: nothing new goes out", file);
		return;
	}
	buf_addf(out, "%s %s ", g->service ? "service" : "environment",
		 g->service ? g->service : c->environment);
	if (g->kind == GATE_ENABLED)
		buf_addf(out, "is not enabled in %s", file);
	else if (g->kind == GATE_AUTO)
		buf_addf(out, "goes out only when it is asked for: syncctl sync %s", app);
	else if (g->kind == GATE_WINDOW)
		say_window(&c->window, g->until_ms, out);
	else
		say_approval(app, commits, out);
}
