/*
 * The deploy-control file of an application: which one is named, what of it is in
 * force, and which of its gates are shut now.
 *
 * The file is read by the render worker, with the manifests and at their commit. What
 * could be read is in force from then on, and kept in the record with its commit. What
 * cannot be read changes nothing: a condition says so, and the last one that could be
 * read stays. Where none ever could, nothing new goes out.
 */
#include "app_priv.h"
#include "compose.h"
#include "gates.h"

#include <stdio.h>

struct app_control {
	char *file, *environment;	/* as they are named now; environment may be NULL */
	struct control *c;		/* in force; NULL */
	struct zone zone;		/* of c's window */
	char *trouble;			/* why Git's newest cannot be used; NULL */
	struct span_verdict window;
	int64_t judged_ms;		/* wall: the window's verdict holds from then; 0 */
	struct gates_shut shut, shut_manual;	/* by itself; for a person's request */
	struct compose_report report;	/* what is held back of Git's objects */
	char *composed;			/* what the head was composed of; NULL */
};

static void drop_force(struct app_control *x)
{
	free(x->c);
	x->c = NULL;
	zone_deinit(&x->zone);
	x->judged_ms = 0;
}

void app_control_free(struct app *a)
{
	struct app_control *x = a->control;

	if (!x)
		return;
	drop_force(x);
	free(x->file);
	free(x->environment);
	free(x->trouble);
	free(x->composed);
	compose_report_deinit(&x->report);
	free(x);
	a->control = NULL;
}

/* A frame comes in force; 0 or -1 (nothing changes) with *err INVALID. */
static int enforce(struct app_control *x, const char *frame, struct err *err)
{
	_cleanup_free_ struct control *c = xcalloc(1, sizeof(*c));
	struct zone zone = { 0 };

	if (control_parse(c, frame, strlen(frame), err))
		return -1;
	if (!x->environment || strcmp(c->environment, x->environment))
		return err_set(err, ERR_INVALID, "it is about another environment");
	if (c->window.enabled && zone_load(&zone, c->window.zone, err))
		return err_wrap(err, "environments.%s.deployment_windows.timezone",
				c->environment);
	drop_force(x);
	x->c = steal(&c);
	x->zone = zone;
	return 0;
}

/* ---- what is named ---- */

/* The project's fence cannot be moved by those inside of it. */
static const char *named(const char *by_project, const char *by_app)
{
	return by_project && *by_project ? by_project :
	       by_app && *by_app ? by_app : NULL;
}

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static void forget_record(struct app *a)
{
	struct record *r = &a->rec;

	if (!r->control)
		return;
	free(r->control);
	free(r->control_file);
	free(r->control_revision);
	r->control = r->control_file = r->control_revision = NULL;
	a->rec_dirty = true;
}

static void take_up_record(struct app *a)
{
	struct app_control *x = a->control;
	struct err err = ERR_INIT;

	if (!a->rec.control || x->c || !same(a->rec.control_file, x->file))
		return;
	if (enforce(x, a->rec.control, &err))
		engine_log(a->engine, LOG_INFO, a, "the recorded %s is not used: %s",
			   x->file, err.msg);
}

void app_control_follow(struct app *a)
{
	const struct project *p = projects_of(a, NULL);
	const char *file, *environment;

	if (!p)
		return;		/* not known: as it was */
	file = named(p->control, a->spec.control);
	environment = named(p->environment, a->spec.environment);
	if (a->control && (!file || !same(file, a->control->file) ||
			   !same(environment, a->control->environment)))
		app_control_free(a);
	if (!file) {
		forget_record(a);
		return;
	}
	if (!a->control) {
		a->control = xcalloc(1, sizeof(*a->control));
		a->control->file = xstrdup(file);
		a->control->environment = xstrdup(environment);
	}
	take_up_record(a);
}

const struct control *app_control_in_force(const struct app *a)
{
	return a->control ? a->control->c : NULL;
}

const char *app_control_file(const struct app *a)
{
	return a->control && a->control->environment ? a->control->file : NULL;
}

const char *app_control_environment(const struct app *a)
{
	return a->control ? a->control->environment : NULL;
}

void app_control_key(const struct app *a, char out[65])
{
	_cleanup_free_ char *text = NULL;

	*out = '\0';
	if (!app_control_file(a))
		return;
	text = xasprintf("%s\n%s", a->control->file, a->control->environment);
	sha256_hex(text, strlen(text), out);
}

/* ---- what the worker says ---- */

static void be_in_force(struct app *a, const char *frame, const char *commit)
{
	struct record *r = &a->rec;

	if (same(r->control, frame) && same(r->control_file, a->control->file))
		return;
	forget_record(a);
	r->control = xstrdup(frame);
	r->control_file = xstrdup(a->control->file);
	r->control_revision = xstrndup(commit, strcspn(commit, " "));
	a->rec_dirty = true;
	engine_log(a->engine, LOG_INFO, a, "%s of %.7s is in force for environment %s",
		   r->control_file, r->control_revision, a->control->environment);
}

void app_control_rendered(struct app *a, const struct render_answer *r,
			  const char *commit)
{
	struct app_control *x = a->control;
	char key[65];
	struct err err = ERR_INIT;

	app_control_key(a, key);
	if (!x || !*key || strcmp(key, a->rendered_control))
		return;		/* it was asked for another one */
	free(x->trouble);
	x->trouble = NULL;
	if (r->control && !enforce(x, r->control, &err)) {
		be_in_force(a, r->control, commit);
		return;
	}
	x->trouble = xasprintf("%s%s%.7s", r->control ? err.msg : r->control_why ?
			       r->control_why : "the worker did not read it",
			       " at ", commit);
	engine_log(a->engine, LOG_WARN, a, "deploy-control: %s", x->trouble);
}

/* ---- the gates ---- */

static void judge_window(struct app_control *x, int64_t now)
{
	if (!x->c || !x->c->window.enabled)
		return;
	if (x->judged_ms && now >= x->judged_ms &&
	    (!x->window.change_ms || now < x->window.change_ms))
		return;
	x->window = control_window_judge(&x->c->window, &x->zone, now);
	x->judged_ms = now;
}

/* All of the list that stop it but those of the bits, between semicolons. */
static void say(const struct app *a, const struct gates_shut *shut, bool by_itself,
		uint32_t but, char **at)
{
	const struct app_control *x = a->control;
	_cleanup_buf_ struct buf b = BUF_INIT;

	for (size_t i = 0; i < shut->len && !shut->data[i].service; i++) {
		const struct gate *g = &shut->data[i];

		if (!gate_stops(g, by_itself) || but & GATE_BIT(g->kind))
			continue;
		buf_adds(&b, b.len ? "; " : "");
		gate_words(g, x->c, x->file, a->spec.name, a->rendered_named, &b);
	}
	app_gate_say(at, "%s", buf_str(&b));
}

/* Wall to mono, looked at again then; 0 stays 0. */
static uint64_t look_again(struct app *a, int64_t wall_ms)
{
	int64_t left = wall_ms - world_wall(a->engine->w);
	uint64_t at = world_now(a->engine->w) + (uint64_t)(left > 0 ? left : 0) + 1;

	if (!wall_ms)
		return 0;
	app_poke_at(a, at);
	return at;
}

/* Without a file there is one thing that an override can pass. */
static void look_project_window(struct app *a)
{
	static const struct gates_shut none;

	a->passed = app_judge_override(a, &none, a->gates.shut_manual != NULL);
	if (a->passed & GATE_BIT(GATE_SYNC_WINDOW))
		app_gate_say(&a->gates.shut_manual, "%s", "");
}

static bool needs_approval(const struct control *c)
{
	bool any = c->approval;

	for (size_t i = 0; i < c->n_services; i++)
		any |= c->services[i].approval;
	return any;
}

/* The digest that an approval is to bear; "" while there is nothing to approve. */
static void to_approve(const struct app *a, char out[65])
{
	*out = '\0';
	if (a->git && !a->head_err.code)
		approve_digest(a->git->a.digest, a->spec.options_digest, out);
}

/* Of what a person asks for: Git's, or the release to go back to. */
static bool is_approved_for(struct app *a)
{
	const struct release *to = app_rollback_asks(a);
	char digest[65];

	if (!to)
		return a->approved == APPROVE_YES;
	approve_digest(to->digest, a->spec.options_digest, digest);
	return !strcmp(a->spec.approval.digest, digest) &&
	       app_judge_approval(a, digest) == APPROVE_YES;
}

/* A sync's own options are another way to put out the same objects. */
static bool brings_options(const struct app *a)
{
	const struct op_request *q = &a->request;

	return q->present && q->own_options &&
	       (q->options != a->spec.options ||
		(q->propagation && strcmp(q->propagation, a->spec.propagation)));
}

void app_look_control(struct app *a)
{
	struct app_gates *g = &a->gates;
	struct app_control *x = a->control;
	struct gates_in in;
	char digest[65];
	bool otherwise;

	app_gate_say(&g->gate, "%s", "");
	app_gate_say(&g->gate_manual, "%s", "");
	app_gate_say(&g->gate_stop, "%s", "");
	g->gate_until = 0;
	a->approved = APPROVE_NONE;
	a->passed = 0;
	if (!x) {
		look_project_window(a);
		return;
	}
	judge_window(x, world_wall(a->engine->w));
	to_approve(a, digest);
	a->approved = x->c && needs_approval(x->c) ? app_judge_approval(a, digest) :
						     APPROVE_NONE;
	in = (struct gates_in){ .control = x->c, .window = x->window,
				.approved = a->approved == APPROVE_YES };
	gates_judge(&in, &x->shut);
	say(a, &x->shut, true, 0, &g->gate);
	say(a, &x->shut, true, ~GATES_INTERRUPTING, &g->gate_stop);
	in.approved = is_approved_for(a);
	otherwise = in.approved && brings_options(a);
	in.approved = in.approved && !otherwise;
	gates_judge(&in, &x->shut_manual);
	a->passed = app_judge_override(a, &x->shut_manual, g->shut_manual != NULL);
	in.passed = a->passed;
	gates_judge(&in, &x->shut_manual);
	say(a, &x->shut_manual, false, 0, &g->gate_manual);
	if (otherwise && g->gate_manual)
		app_gate_say(&g->gate_manual, "%s", "what is approved goes out with the "
			     "Application's own sync options: leave out those of the sync "
			     "(syncOptions, force), or override the gate");
	if (a->passed & GATE_BIT(GATE_SYNC_WINDOW))
		app_gate_say(&g->shut_manual, "%s", "");
	g->gate_until = look_again(a, gates_until(&x->shut, true));
	if (x->c && x->c->window.enabled)
		look_again(a, x->window.change_ms);
}

/* ---- services ---- */

/*
 * What a person asks for passes the gates for what goes by itself; not before it can
 * go, or what Git said a while ago would go by itself in its place.
 */
static bool is_asked_for(const struct app *a)
{
	return a->request.present && !a->request.rollback && !a->request.unpin &&
	       (app_request_is_served(a) || app_request_ready(a));
}

static const struct gate *holding(const struct app *a, const char *service)
{
	const struct app_control *x = a->control;
	bool person = is_asked_for(a);

	return gates_of_service(person ? &x->shut_manual : &x->shut, service, !person);
}

static bool is_held(void *app, const char *service)
{
	return holding(app, service);
}

/* What a service that is held stays at; NULL: nothing that may go out. */
static const struct render_answer *running(const struct app *a)
{
	return a->target && !a->gates.foreign ? &a->target->a : NULL;
}

/* Over all that the outcome depends on; "" where no service is held. Owned. */
static char *ingredients(const struct app *a)
{
	const struct control *c = a->control ? a->control->c : NULL;
	struct buf b = BUF_INIT;

	for (size_t i = 0; c && i < c->n_services; i++)
		if (holding(a, c->services[i].name))
			buf_addf(&b, "%s ", c->services[i].name);
	if (b.len)
		buf_addf(&b, "%s %s", a->git->a.digest, running(a) ?
			 running(a)->digest : "");
	return b.len ? buf_steal(&b, NULL) : xstrdup("");
}

static void be_head(struct app *a, struct rel *rel)
{
	rel_unref(a->head);
	a->head = rel;
	a->plan_valid = false;
}

void app_compose_again(struct app *a)
{
	if (!a->control)
		return;
	free(a->control->composed);
	a->control->composed = NULL;
}

static void compose(struct app *a)
{
	struct app_control *x = a->control;
	struct compose_in in = {
		.git = &a->git->a, .running = running(a),
		.dest_ns = a->spec.dest_ns, .is_held = is_held, .arg = a,
	};
	struct rel *rel = rel_new();

	compose_report_deinit(&x->report);
	if (release_compose(&in, &rel->a, &x->report)) {
		be_head(a, rel);
		return;
	}
	rel_unref(rel);
	be_head(a, rel_ref(x->report.as_running ? a->target : a->git));
}

void app_compose(struct app *a)
{
	struct app_control *x = a->control;
	_cleanup_free_ char *of = NULL;

	if (!a->git)
		return;
	of = ingredients(a);
	if (!*of) {	/* nothing is held */
		if (a->head != a->git)
			be_head(a, rel_ref(a->git));
		if (x)
			compose_report_deinit(&x->report);
	} else if (a->rec.target && (!a->target || a->target_id != a->rec.target)) {
		be_head(a, NULL);	/* until what runs is read */
		*of = '\0';
	} else if (!x->composed || strcmp(x->composed, of) || !a->head) {
		compose(a);
	}
	if (!x)
		return;
	free(x->composed);
	x->composed = steal(&of);
}

bool app_control_halts(const struct app *a)
{
	const char *by = a->rec.op.initiated_by;

	return a->gates.gate_stop && a->rec.op.kind == OP_SYNC && !a->op_prunes && by &&
	       !strcmp(by, "automated");
}

/* Something new is there, and it is not out. */
static bool has_news(struct app *a)
{
	const struct release *t = record_release(&a->rec, a->rec.target);

	return a->head && !a->head_err.code &&
	       (!t || strcmp(t->digest, a->head->a.digest) || a->rec.op.id[0]);
}

static void held_condition(struct app *a)
{
	const struct app_control *x = a->control;
	_cleanup_buf_ struct buf text = BUF_INIT;

	for (size_t i = 0; x && i < x->report.held.len; i++) {
		const struct compose_held *h = &x->report.held.data[i];
		const struct gate *g = holding(a, h->service);

		if (!g)
			continue;
		buf_addf(&text, "%s%zu object%s left as they run: ", text.len ? "; " : "",
			 h->n_objects, h->n_objects > 1 ? "s are" : " is");
		gate_words(g, x->c, x->file, a->spec.name, a->rendered_named, &text);
	}
	if (text.len)
		app_set_condition(a, "ServiceHeldWarning", "%s", buf_str(&text));
	else
		app_clear_condition(a, "ServiceHeldWarning");
}

void app_control_conditions(struct app *a)
{
	const struct app_control *x = a->control;

	held_condition(a);

	if (x && !x->environment)
		app_set_condition(a, "DeployControlError", "syncd.dev/deploy-control names "
				  "%s, but no annotation syncd.dev/environment says which "
				  "of its environments this is", x->file);
	else if (x && x->trouble && x->c)
		app_set_condition(a, "DeployControlError", "%s; that of %.7s stays in force",
				  x->trouble, a->rec.control_revision ?
				  a->rec.control_revision : "");
	else if (x && x->trouble)
		app_set_condition(a, "DeployControlError", "%s; nothing new goes out until "
				  "it can be read", x->trouble);
	else
		app_clear_condition(a, "DeployControlError");
	app_approve_conditions(a);
	if (x && a->gates.gate && has_news(a) && a->spec.automated)
		app_set_condition(a, "GateClosedWarning", "%s", a->gates.gate);
	else
		app_clear_condition(a, "GateClosedWarning");
}

/* ---- for people ---- */

static void put(json_t *o, const char *key, const char *value)
{
	if (value && *value)
		json_object_set_new(o, key, json_string(value));
}

static json_t *gate_json(const struct app *a, const struct gate *g)
{
	const struct app_control *x = a->control;
	_cleanup_buf_ struct buf why = BUF_INIT;
	json_t *o = json_object();
	char until[32];

	gate_words(g, x->c, x->file, a->spec.name, a->rendered_named, &why);
	put(o, "gate", gate_kind_str(g->kind));
	put(o, "service", g->service);
	put(o, "stops", gate_stops(g, false) ? "all" : "automatic");
	put(o, "why", buf_str(&why));
	if (!g->until_ms)
		return o;
	time_rfc3339(g->until_ms, until);
	put(o, "until", until);
	return o;
}

static json_t *approval_json(const struct app *a)
{
	const struct app_approval *p = &a->spec.approval;
	json_t *o = json_object();
	char until[32];

	put(o, "state", approve_verdict_str((enum approve_verdict)a->approved));
	put(o, "digest", p->digest);
	put(o, "by", p->by);
	put(o, "why", p->why);
	if (p->until_ms <= 0)
		return o;
	time_rfc3339(p->until_ms, until);
	put(o, "until", until);
	return o;
}

static json_t *held_json(const struct app_control *x)
{
	json_t *list = json_array();

	for (size_t i = 0; i < x->report.held.len; i++)
		json_array_append_new(list, json_pack("{sssI}", "service",
			x->report.held.data[i].service, "objects",
			(json_int_t)x->report.held.data[i].n_objects));
	return list;
}

json_t *app_control_status(const struct app *a)
{
	const struct app_control *x = a->control;
	json_t *o, *shut;
	char digest[65];

	if (!x)
		return NULL;
	o = json_object();
	shut = json_array();
	to_approve(a, digest);
	put(o, "file", x->file);
	put(o, "environment", x->environment);
	put(o, "revision", x->c ? a->rec.control_revision : NULL);
	if (*digest) {
		put(o, "commit", a->rendered_named);
		put(o, "digest", digest);
	}
	if (a->spec.approval.key[0])
		json_object_set_new(o, "approval", approval_json(a));
	json_object_set_new(o, "shut", shut);
	if (x->report.held.len)
		json_object_set_new(o, "held", held_json(x));
	for (size_t i = 0; i < x->shut.len; i++)
		json_array_append_new(shut, gate_json(a, &x->shut.data[i]));
	return o;
}
