/*
 * app_priv.h - what the files of one application share: app.c (registry, news),
 * app_look.c (the look), app_conditions.c (what is said then), app_run.c (operations),
 * app_soak.c, app_status.c.
 */
#ifndef SYNC_APP_PRIV_H
#define SYNC_APP_PRIV_H

#include "sync/approve.h"
#include "engine_priv.h"
#include "render/render.h"

#define CONTROL_NAMESPACE "argocd"

/* app.c */
void op_view_reset(struct op_view *v);
void app_plans_reset(struct app *a);
/* The releases that its operation borrows from, when that is gone. */
void app_op_rels_drop(struct app *a);
bool app_compare(struct app *a);
/* A CRD that drifted is put back too: the target is what Git says. */
bool app_heals_crds(const struct app *a);

/*
 * app_log.c: the one line that a decision leaves in the log. decision: a word of
 * docs/metrics.md; r and took_ms may be NULL and 0.
 */
void app_decided(struct app *a, enum log_level level, const char *decision,
		 const struct release *r, uint64_t took_ms, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));
/* Since the operation in the record began, by the wall clock. */
uint64_t app_op_age_ms(const struct app *a);

/* app_sources.c */
/* Joins the revisions that the request, or else the spec, names. */
void app_follow_source(struct app *a);
/* Is what it follows to be fetched otherwise, by what its project asks for now? */
bool sources_read_otherwise(const struct app *a);
/* The sources that are followed: the request's or the spec's. */
const struct app_sources *sources_wanted(const struct app *a);
/* The commit of each is known, and fetched where it is read. */
bool sources_known(const struct app *a);
/* Those commits, spaced, owned; "" while one of them is not known. */
char *sources_commits(const struct app *a);
bool sources_at(const struct app *a, const char *commits);
/* True: one of them has trouble, *ret says which and why. */
bool sources_error(const struct app *a, struct err *ret);
/* When were all of them asked with an answer? mono ms; 0 = not yet. */
uint64_t sources_polled_at(const struct app *a);
void sources_poll_now(const struct app *a);
bool sources_fetching(const struct app *a);
/* The keys of the repositories that are read, joined; owned. */
char *sources_keys(const struct app *a);
/* Their mirrors could not be read; they could. */
void sources_refetch(const struct app *a);
void sources_readable(const struct app *a);
/* The first that objects come from; NULL. */
const struct repo_rev *sources_first(const struct app *a);

/* projects.c: projects_check(), had the application these sources. */
int projects_check_sources(struct app *a, const struct app_sources *sources,
			   struct err *err) __attribute__((warn_unused_result));

/* remotes.c: other repositories that a render needs */
/* Leaves all of them. */
void remotes_reset(struct app *a);
void remotes_free(struct app *a);	/* when the repositories are gone already */
/* Joins one that the renderer lacks. ERR_INVALID (its host is not allowed), LIMIT. */
int remotes_want(struct app *a, const char *url, const char *ref, const char *by,
		 struct err *err) __attribute__((warn_unused_result));
/* All are fetched. false with *err (may be NULL) set: one cannot be. */
bool remotes_ready(const struct app *a, struct err *err);
/* One that was fetched cannot be asked any more: what is there stays in use. */
bool remotes_error(const struct app *a, struct err *ret);
/* Over URLs, refs and commits. */
void remotes_key(const struct app *a, char out[65]);
/* sources_commits(), and then theirs: owned. */
char *remotes_commits(const struct app *a);
/* For the request; the array is owned by the caller, its strings are borrowed. */
struct render_remote *remotes_list(const struct app *a);

/* app_status.c: what is on the Application now. */
void app_status_seen(struct app *a, const json_t *application);

/* app_look.c */
void app_look(struct app *a);
/*
 * Around the building of a status, which says how far it came also while an operation runs
 * and no look compares (Unknown is for what cannot be known). False: not now, it is
 * poked. What such a plan borrows from is the operation's to change: it does not stay.
 */
bool app_compare_between(struct app *a, bool must);
void app_compared_between(struct app *a);
/* app_conditions.c: all of them that follow from what is known now. */
void app_look_conditions(struct app *a);
/* The rejected release that Git came back to while a later one is good; or NULL. */
const struct release *app_comes_back(const struct app *a);
/* Adds "one; two", the words of a list. */
void app_say_list(char *const *list, size_t n, struct buf *text);
/* app_render.c */
void app_look_render(struct app *a);
/* Is the head what is to go out, rather than what a request had rendered? */
bool app_head_is_wish(const struct app *a);
/* Is there one, rendered from the sources that are named now? */
bool app_head_is_current(const struct app *a);
/* Could it not be rendered from these? What was wrong with others says nothing. */
bool app_head_is_broken(const struct app *a);
/* What Git was last known to say is rendered, and nothing newer is on its way. */
bool app_is_rendered(const struct app *a);

/* app_signed.c: signatures of commits that its project asks for. */
bool app_signed_asked(const struct app *a);
/* The keys are read; or nobody asks. */
bool app_signed_known(const struct app *a);
/* Over the keys that count; "" where nobody asks. */
void app_signed_key(const struct app *a, char out[65]);
/* Do the signatures that what is rendered was let out by count no more, by their end? */
bool app_signed_ended(const struct app *a);
/* Has it looked at when they do. */
void app_signed_await(struct app *a);
/* Keeps the condition that says so two weeks ahead; its words stay the same. */
void app_signed_warn(struct app *a);
/* For the request: a new reference; NULL where nobody asks. */
json_t *app_signed_ask(const struct app *a);

/*
 * app_sight.c: what is there already of an application that syncs by hand and was never
 * synced. look: begins to read it where that is wanted; pokes when it is known. same: for
 * plan_input, with that arg: NULL: nothing is known of the release. found: likewise.
 */
void app_look_sights(struct app *a);
void app_sights_drop(struct app *a);
void app_sights_again(struct app *a);	/* has it read anew */
void *app_sights_arg(const struct app *a, const struct rel *of);
bool app_sight_same(void *arg, const struct objkey *k);
struct live_index *app_sights_found(const struct app *a);

/* app_run.c */
void app_start_op(struct app *a, enum op_kind kind, uint32_t release,
		  struct rel *rel, bool prune_only, const char *by);
/* The Application goes: rel is what its hooks are read from, or empty. */
void app_start_deletion(struct app *a, enum op_deletion what,
			enum hook_phase phase, struct rel *rel);
/*
 * A new operation in the record, not started; by may be the last one's. The second
 * adds what the request wants otherwise than the spec says.
 */
void app_begin_op(struct app *a, enum op_kind kind, uint32_t release,
		  const char *by);
void app_take_wishes(struct app *a);
/* The operation in the record is what a->request asked for. */
void app_serve_request(struct app *a);
void app_act(struct app *a, const struct decision *d);
/* The plan of what should be running: the head's only when that is the same. */
const struct plan *app_target_plan(const struct app *a);
/* Does it wait for a person to approve what is to be deleted? */
bool app_asks(const struct app *a);
/* operationState at an operation's start; r may be NULL. */
void app_view_started(struct app *a, const struct release *r, const char *by,
		      bool automated);

/* app_verdict.c */
void app_reject(struct app *a, struct release *rel, const char *reason,
		bool may_pass, bool mutated);
void app_promote(struct app *a);

/* What a person asked for cannot be found or rendered: says so, forgets it. */
void app_request_failed(struct app *a, const struct err *why);

/* app_pin.c: rollbacks, and the pins that they and auto-revert leave */
/* The request's rollback: pins, rejects what it leaves, begins; or says why not. */
void app_rollback(struct app *a);
/* A rollback is asked for, to a release that the record does not know. */
bool app_rollback_unknown(const struct app *a);
/* The release of a rollback that gates and sync windows may hold: it never was good; NULL. */
const struct release *app_rollback_asks(const struct app *a);
/* True: it is not over, but tried again. */
bool app_rollback_ended(struct app *a, const struct op *op);
/* The pin of the record and what it holds back are forgotten. */
void app_unpin(struct app *a);
/* Its time is over, or the request asks for it: unpins, saves, says so. */
void app_end_pin(struct app *a);

/* app_revert.c */
struct revert_why {
	const char *words;	/* why it is so: borrowed */
	int64_t until_ms;	/* wall: it ends by itself then; 0 */
};
enum auto_revert app_revert_mode(struct app *a, struct revert_why *ret);
/* Its first release is out: did its workloads run before? */
void app_note_adoption(struct app *a);

/*
 * app_evidence.c: what failing pods say is asked for before the release is rejected
 * (and its pods are gone), for some seconds at most; a->gather meanwhile. The first
 * subject is to blame; spoken: the reason has its pods' own words.
 */
void app_gather(struct app *a, uint32_t release, const struct objkey *subjects,
		size_t n, bool spoken);
/* What a reason should say as well (evidence_words); borrowed, NULL: nothing. */
const char *app_kept_words(const struct app *a, uint32_t release);
/* The release is being rejected: what was gathered of it is stored. */
void app_keep_evidence(struct app *a, struct release *rel);
void app_gather_free(struct app *a);

/* app_fault.c: what failed in the release that is being judged */
void app_fault_nobody(struct app *a);
void app_fault(struct app *a, const struct rendered *o);	/* NULL: not known */
/* The plan's object of that key, of that release. */
void app_fault_of(struct app *a, const struct plan *p, const struct render_answer *of,
		  const struct objkey *k);
/* Why nothing of it takes the release back; borrowed. NULL: something does. */
const char *app_fault_spares(const struct app *a);

/* app_request.c: what people ask for in the CR */
/* True when there is a new one. */
bool app_claim_operation(struct app *a);
void app_look_for_termination(struct app *a, const json_t *status);
void app_request_drop(struct app *a);
/* Of the request as it was written; "" when there is none. */
void app_request_digest(const struct app *a, char out[65]);
/* It is over without an operation: done, or refused with these words. */
void app_request_over(struct app *a, bool done, const char *words);
void app_request_refused(struct app *a, const char *why);
/* True: the request needs nothing of Git, or Git was asked after it. */
bool app_request_ready(const struct app *a);
/* Ready, and not what the operation in the record is there for. */
bool app_request_is_new(const struct app *a);
/* The operation under way, or in the record, does what it asks for. */
bool app_request_is_served(const struct app *a);
/* What was asked for is not in Git, or does not render. */
bool app_request_lost(const struct app *a);
/*
 * May it take the place of what runs or waits for another try? Not what can only be
 * refused: that is answered when the operation is over.
 */
bool app_request_supersedes(const struct app *a);

/* app_gate.c: why nothing, or nothing by itself, may be done now: a->gates */
void app_gates_clear(struct app *a);
/* One of its words, 480 bytes at most; "" = none. */
void app_gate_say(char **at, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
bool app_look_gates(struct app *a);	/* false: nothing is known yet, do nothing */
void app_poke_dependents(const struct app *a);	/* its status changed */

/*
 * app_control.c: the deploy-control file that the Application, or its project, names,
 * and the gates that it shuts.
 */
/* What is named may have changed, or a record came that has it. */
void app_control_follow(struct app *a);
void app_control_free(struct app *a);
/* What of the file is in force; NULL: nothing. */
const struct control *app_control_in_force(const struct app *a);
/* Over what is asked of the renderer; "" where no file is named. */
void app_control_key(const struct app *a, char out[65]);
/* For the request: borrowed; NULL where no file is named. */
const char *app_control_file(const struct app *a);
const char *app_control_environment(const struct app *a);
/* A render of that commit answered. */
void app_control_rendered(struct app *a, const struct render_answer *r,
			  const char *commit);
/* Judges the gates anew: a->gates. */
void app_look_control(struct app *a);
/* app_draw.c: values that come from Secrets of the cluster (draw.h). */
/* What Git says anew, of a->raw: a->git. False: a source is being read yet. */
bool app_draw(struct app *a);
void app_draw_free(struct app *a);
/* Why nothing new can go out; NULL. */
const char *app_draw_waits(const struct app *a);
void app_draw_conditions(struct app *a);
/* The head anew: of what Git says, the services that no gate of theirs holds. */
void app_compose(struct app *a);
void app_compose_again(struct app *a);	/* the head is not what it made */
/* What is under way by itself is to end with its wave. */
bool app_control_halts(const struct app *a);
void app_control_conditions(struct app *a);
/* status.syncd.gates: owned; NULL where no file is named. */
json_t *app_control_status(const struct app *a);

/* app_approve.c: approvals and overrides, and whether they can be trusted. */
/* What the approval is worth for a release of that digest; may ask the API server. */
enum approve_verdict app_judge_approval(struct app *a, const char *digest);
/*
 * The gates that the request passes, of those that are shut for it. What it cannot pass
 * makes it bad, with the reason.
 */
struct gates_shut;
uint32_t app_judge_override(struct app *a, const struct gates_shut *shut,
			    bool sync_window);
/* The request is an override, and it is not known yet whether it can be trusted. */
bool app_override_pending(const struct app *a);
/* A release goes out: who let it, into its row, the log and an Event. */
void app_note_gates(struct app *a, struct release *r);
void app_note_override(struct app *a, struct release *r);	/* the second of the two */
void app_approve_conditions(struct app *a);
void app_guards_free(struct app *a);	/* the requests are gone already */

/*
 * app_exclude.c: the kinds that argocd-cm keeps applications out of. The first marks the
 * releases that are in memory; not while an operation runs.
 */
void app_exclude(struct app *a);
void app_exclude_gates(struct app *a);	/* what of a->gates shuts while it is not known */
/* By the rules as they are at this moment: may what it has of that kind be deleted? */
bool app_may_delete(const struct app *a, const struct objkey *k);
/* Why nothing may be pruned now; static words, NULL. */
const char *app_exclude_unsure(const struct app *a);
void app_say_excluded(struct app *a, struct buf *text);	/* appends; nothing: "" */

/* app_end.c */
void app_op_ended(struct app *a, struct op *op);
/* Refused, or trouble: true when it is tried again, which is then recorded. */
bool app_sync_again(struct app *a, const struct op *op);
void app_request_done(struct app *a);
/* The sync under way, or waiting for its next try, is superseded. */
void app_give_up(struct app *a, const char *why);
/* Its operation is shown now: off the Application with the next status. */
void app_request_taken(struct app *a);

/* app_delete.c */
#define RESOURCES_FINALIZER "resources-finalizer.argocd.argoproj.io"
/* Remembers the finalizers that are not ours to remove. */
void app_keep_finalizers(struct app *a, const json_t *application);
/* The Application is going, and asked for its objects to go with it. */
void app_delete(struct app *a);
#define APP_BY_DELETION "deletion"	/* who asks for its operations */
/* The operation under way, or in the record, is one of them. */
bool app_op_is_of_an_end(const struct app *a);
/* It is not: what an end of it that was before, or broke off, left is put in order. */
void app_lives(struct app *a);

/* app_aside.c: another controller serves its namespace, or that is not known yet. */
bool app_stands_aside(struct app *a);
/* app.c: the other one is gone; what was asked for meanwhile is taken up. */
void app_goes_on(struct app *a);
/* app_status.c: one condition, beside those of the controller that writes the rest. */
void app_status_aside(struct app *a, const char *words);

/* app_soak.c */
bool app_soak_over(struct app *a);	/* also looks for breakage: soak_bad */

#endif
