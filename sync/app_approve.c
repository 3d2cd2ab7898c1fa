/*
 * Approvals and overrides: what people let out although a gate is shut, and why that
 * can be believed.
 *
 * Both are written on the Application, which more people may edit than may let
 * something out. The API server keeps them apart (manifests/approval): its policy lets
 * only those write an approval or an override who may `approve` or `override` the
 * Application, and only in their own name. That the policy is in force is not assumed:
 * the API server is asked dry to take an approval in nobody's name. What it would take
 * so, anybody could have written; it is void, and stays void when the policy comes.
 *
 * Applications come out of Git, too, and syncd writes those with rights of its own. The
 * renderer lets no approval and no operation through; and what is there in a name that
 * syncd writes in does not count, however it came there.
 */
#include "app_priv.h"
#include "gates.h"

#include <assert.h>
#include <stdio.h>

#define AGAIN_MS 30000

static_assert(sizeof(((struct app_guard *)NULL)->user) == APPROVE_USER_MAX, "a user's name");

/* ---- is it guarded? ---- */

/* It never counts any more, whatever comes. */
static void distrust(struct app *a, const char *key)
{
	memcpy(a->rec.distrusted, key, sizeof(a->rec.distrusted));
	a->rec_dirty = true;
}

static void on_probed(struct kube_request *r, const struct err *err)
{
	struct app_guard *g = container_of(r, struct app_guard, req);
	struct app *a = g->app;

	g->busy = false;
	free(g->body);
	g->body = NULL;
	g->is = approve_probed(err, g->user);
	memcpy(g->key, g->asked, sizeof(g->key));
	if (g->is == GUARD_UNKNOWN) {
		engine_log(a->engine, LOG_WARN, a, "is the policy " APPROVE_POLICY " in "
			   "force? %s", err->msg);
		g->again_at = world_now(a->engine->w) + AGAIN_MS;
		app_poke_at(a, g->again_at);
	}
	if (g->is == GUARD_ABSENT && g == &a->approval_guard)
		distrust(a, g->key);
	app_poke(a);
}

static void probe(struct app *a, struct app_guard *g, const char *key)
{
	struct kube_ref ref = {
		.group = "argoproj.io", .version = "v1alpha1",
		.resource = "applications", .ns = a->spec.ns, .name = a->spec.name,
	};

	g->app = a;
	g->busy = true;
	snprintf(g->asked, sizeof(g->asked), "%s", key);
	g->body = approve_probe();
	kube_merge_patch_init(&g->req, &ref, FIELD_MANAGER, g->body, strlen(g->body));
	buf_adds(&g->req.path, strchr(buf_str(&g->req.path), '?') ? "&dryRun=All" :
								      "?dryRun=All");
	g->req.on_done = on_probed;
	kube_start(a->engine->kube, &g->req);
}

static enum approve_guard guard_of(struct app *a, struct app_guard *g, const char *key)
{
	if (!strcmp(g->key, key) && g->is != GUARD_UNKNOWN)
		return (enum approve_guard)g->is;
	if (!g->busy && world_now(a->engine->w) >= g->again_at)
		probe(a, g, key);
	return GUARD_UNKNOWN;
}

static bool is_own(struct app *a, const struct app_guard *g, const char *by)
{
	return !strcmp(g->user, by) || projects_write_as(a->engine, by);
}

void app_guards_free(struct app *a)
{
	kube_request_deinit(&a->approval_guard.req);
	kube_request_deinit(&a->override_guard.req);
	free(a->approval_guard.body);
	free(a->override_guard.body);
}

/* ---- approvals ---- */

enum approve_verdict app_judge_approval(struct app *a, const char *digest)
{
	const struct app_approval *p = &a->spec.approval;
	int64_t now = world_wall(a->engine->w);
	struct approve_in in = {
		.approval = p, .digest = digest, .distrusted = a->rec.distrusted,
		.commits = a->rendered_named, .proven = a->rec.proven,
		.guard = GUARD_UNKNOWN, .now_ms = now,
	};
	enum approve_verdict v = approve_judge(&in);

	if (v == APPROVE_ASK) {
		in.guard = guard_of(a, &a->approval_guard, p->key);
		in.own = is_own(a, &a->approval_guard, p->by);
		v = approve_judge(&in);
	}
	if (v == APPROVE_AMISS && strcmp(a->rec.distrusted, p->key))
		distrust(a, p->key);
	if (v == APPROVE_YES && strcmp(a->rec.proven, p->key)) {
		memcpy(a->rec.proven, p->key, sizeof(a->rec.proven));
		a->rec_dirty = true;
	}
	if (v == APPROVE_YES && p->until_ms > now)
		app_poke_at(a, world_now(a->engine->w) + (uint64_t)(p->until_ms - now) + 1);
	return v;
}

void app_approve_conditions(struct app *a)
{
	const struct app_approval *p = &a->spec.approval;
	char when[32] = "";

	if (p->until_ms > 0)
		time_rfc3339(p->until_ms, when);
	if (a->approved == APPROVE_DISTRUSTED || a->approved == APPROVE_AMISS)
		app_set_condition(a, "ApprovalWarning", "the approval by %s does not count: when "
			"it was first seen it was of another release than Git's commit gives, or "
			"the policy " APPROVE_POLICY " was not in force and anybody could have "
			"written it: see that manifests/approval is installed, and approve again",
			p->by);
	else if (a->approved == APPROVE_BAD)
		app_set_condition(a, "ApprovalWarning", "the approval does not count: it has no "
			"writer, a time that is none, or names other commits than "
			"Git's (%.7s); approve again with syncctl approve", a->rendered_named);
	else if (a->approved == APPROVE_OWN)
		app_set_condition(a, "ApprovalWarning", "the approval does not count: %s is "
			"who syncd writes as, and what Git says cannot approve itself; "
			"approve as somebody else", p->by);
	else if (a->approved == APPROVE_OVER)
		app_set_condition(a, "ApprovalWarning", "the approval by %s was over at %s",
				  p->by, when);
	else
		app_clear_condition(a, "ApprovalWarning");
}

/* ---- overrides ---- */

static uint32_t shut_bits(const struct gates_shut *shut, bool sync_window)
{
	uint32_t bits = sync_window ? GATE_BIT(GATE_SYNC_WINDOW) : 0;

	for (size_t i = 0; i < shut->len; i++)
		if (!shut->data[i].service && gate_stops(&shut->data[i], false))
			bits |= GATE_BIT(shut->data[i].kind);
	return bits;
}

static void name_bits(uint32_t bits, struct buf *out)
{
	size_t from = out->len;

	for (unsigned i = 0; i < GATE_KIND_N; i++)
		if (bits & GATE_BIT(i))
			buf_addf(out, "%s%s", out->len > from ? "," : "",
				 gate_kind_str((enum gate_kind)i));
}

/* One gate is passed without being named; of several it must be said which. */
static uint32_t choose(struct app *a, uint32_t shut)
{
	_cleanup_buf_ struct buf names = BUF_INIT;

	if (a->request.gates)
		return a->request.gates & shut;
	if (!(shut & (shut - 1)))
		return shut;
	name_bits(shut, &names);
	a->request.bad = xasprintf("an override passes one gate, and several are shut: name those it is to "
	       "pass with --gate %s", buf_str(&names));
	return 0;
}

bool app_override_pending(const struct app *a)
{
	char key[65];

	app_request_digest(a, key);
	return strcmp(a->override_guard.key, key) ||
	       a->override_guard.is == GUARD_UNKNOWN;
}

uint32_t app_judge_override(struct app *a, const struct gates_shut *shut,
			    bool sync_window)
{
	char key[65];

	if (!a->request.present || !a->request.override || a->request.bad)
		return 0;
	app_request_digest(a, key);
	switch (guard_of(a, &a->override_guard, key)) {
	case GUARD_ABSENT:
		a->request.bad = xstrdup("an override counts only where the policy "
			APPROVE_POLICY " is in force: install manifests/approval");
		return 0;
	case GUARD_PRESENT:
		if (!is_own(a, &a->override_guard, a->request.by))
			return choose(a, shut_bits(shut, sync_window));
		a->request.bad = xasprintf("an override does not count in the name of %s, who "
			"syncd writes as: what Git says cannot override its gates",
			a->request.by);
		return 0;
	case GUARD_UNKNOWN:
		break;
	}
	return 0;
}

/* ---- what is kept of it ---- */

static void note_approval(struct app *a, struct release *r)
{
	const struct app_approval *p = &a->spec.approval;

	free(r->approved_by);
	free(r->approved_why);
	r->approved_by = xstrdup(p->by);
	r->approved_why = xstrdup(p->why);
	app_decided(a, LOG_INFO, "approve", r, 0, "release #%u (%.7s) was approved by %s%s%s",
		    r->id, r->revision, p->by, *p->why ? ": " : "", p->why);
	engine_event(a->engine, a, "Normal", "Approved", "release #%u (%.7s) was approved by "
		     "%s%s%s", r->id, r->revision, p->by, *p->why ? ": " : "", p->why);
}

static void note_override(struct app *a, struct release *r)
{
	_cleanup_buf_ struct buf names = BUF_INIT;

	name_bits(a->passed, &names);
	free(r->overridden);
	r->overridden = xasprintf("%s: %s", buf_str(&names), a->request.override);
	app_decided(a, LOG_WARN, "override", r, 0, "%s passes a shut gate with release #%u "
		    "(%.7s): %s", a->request.by, r->id, r->revision, r->overridden);
	engine_event(a->engine, a, "Warning", "GateOverridden", "%s passes a shut gate with "
		     "release #%u (%.7s): %s", a->request.by, r->id, r->revision,
		     r->overridden);
}

void app_note_override(struct app *a, struct release *r)
{
	if (app_request_is_new(a) && a->request.override && a->passed)
		note_override(a, r);
}

void app_note_gates(struct app *a, struct release *r)
{
	if (a->approved == APPROVE_YES)
		note_approval(a, r);
	app_note_override(a, r);
}
