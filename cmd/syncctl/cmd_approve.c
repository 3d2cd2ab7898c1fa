/*
 * syncctl approve APP REVISION: lets out what an approval is required for. It is bound
 * to the digest of what Git gives at that commit, as syncd has rendered it, and of how
 * the Application has it put out; and is written in the caller's name as the API server
 * knows it. Whether the caller may is for the API server to say (manifests/approval);
 * where nobody guards it, nothing is written: syncd would not count it, then or later.
 *
 * The commit is named whole: another one that begins alike is quickly made. Of several
 * sources or remote bases all are, between commas.
 */
#include "syncctl.h"

#include "core/mem.h"
#include "sync/approve.h"

#include <stdio.h>

#define DEFAULT_MS (24 * INT64_C(3600000))

char *cluster_user(struct cluster *c, struct err *err)
{
	static const char body[] = "{\"apiVersion\":\"authentication.k8s.io/v1\",\"kind\":"
		"\"SelfSubjectReview\"}";
	struct kube_ref ref = { .group = "authentication.k8s.io", .version = "v1",
				.resource = "selfsubjectreviews" };
	_cleanup_json_ json_t *answer = NULL;
	struct kube_request r;
	const char *name;

	kube_create_init(&r, &ref, "syncctl", body, sizeof(body) - 1);
	answer = cluster_ask(c, &r, err);
	if (!answer)
		return NULL;
	name = doc_get_str(answer, "status", "userInfo", "username", NULL);
	if (name)
		return xstrdup(name);
	err_set(err, ERR_INVALID, "the API server does not say who you are");
	return NULL;
}

/* Wall clock; -1 after telling why. */
static int64_t read_until(const struct options *o)
{
	int64_t now = output_env(o).now_ms, at = o->until ? time_parse_rfc3339(o->until) : 0;
	struct err err = ERR_INIT;
	uint64_t ms;

	if (!o->until)
		return now + DEFAULT_MS;
	if (at > 0)
		return at;
	if (!duration_parse(o->until, &ms, &err) && ms && ms < INT64_MAX / 2)
		return now + (int64_t)ms;
	output_usage("--until %s: want a duration such as 2h, or a time such as "
		     "2026-01-02T03:04:05Z", o->until);
	return -1;
}

/* What to type, after a look at what is meant. */
static void say_which(const struct options *o, const char *commits)
{
	_cleanup_buf_ struct buf said = BUF_INIT, whole = BUF_INIT;

	approve_revision(commits, &said);
	view_clean(&whole, buf_str(&said));
	if (strspn(buf_str(&whole), "0123456789abcdef,") != whole.len) {
		/* nobody is to paste that */
		fprintf(stderr, "syncctl: status.syncd.gates.commit of %s names no commit: \"%s\"\n",
			o->args[0], buf_str(&whole));
		return;
	}
	fprintf(stderr, "syncctl: Git is at %s for %s, not at %s (a commit is named whole: "
		"another one that begins alike is quickly made). Look at what it brings "
		"(syncctl diff %s), then:\n  syncctl approve %s %s\n", buf_str(&whole),
		o->args[0], o->args[1], o->args[0], o->args[0], buf_str(&whole));
}

/* The digest that stands for that revision; NULL after telling why. Borrowed. */
static const char *digest_of(const json_t *syncd, const struct options *o)
{
	const json_t *gates = doc_get(syncd, "gates", NULL);
	const char *commits = doc_get_str(gates, "commit", NULL);
	const char *digest = doc_get_str(gates, "digest", NULL);

	if (!gates)
		fprintf(stderr, "syncctl: no deploy-control file is named for %s: nothing of it "
			"waits for approval\n", o->args[0]);
	else if (!commits || !digest)
		fprintf(stderr, "syncctl: what Git says for %s is not rendered (yet): syncctl "
			"status %s\n", o->args[0], o->args[0]);
	else if (!approve_names(o->args[1], commits))
		say_which(o, commits);
	else
		return digest;
	return NULL;
}

static json_t *approval(const struct options *o, const char *digest, const char *user,
			const char *commits, int64_t until_ms)
{
	char now[32], until[32];

	time_rfc3339(output_env(o).now_ms, now);
	time_rfc3339(until_ms, until);
	return json_pack("{s{s{ss ss ss ss ss so}}}", "metadata", "annotations",
			 "syncd.dev/approved", digest, "syncd.dev/approved-by", user,
			 "syncd.dev/approved-revision", commits,
			 "syncd.dev/approved-at", now, "syncd.dev/approved-until", until,
			 "syncd.dev/approved-reason",
			 o->reason ? json_string(o->reason) : json_null());
}

/* As syncd asks: would the API server take an approval in a name that is nobody's? */
static bool is_unguarded(struct cluster *c, const char *name)
{
	struct kube_ref ref = { .group = "argoproj.io", .version = "v1alpha1",
				.resource = "applications", .ns = c->ns, .name = name };
	_cleanup_free_ char *body = approve_probe();
	_cleanup_json_ json_t *answer = NULL;
	char user[APPROVE_USER_MAX];
	struct err err = ERR_INIT;
	struct kube_request k;

	kube_merge_patch_init(&k, &ref, "syncctl", body, strlen(body));
	buf_adds(&k.path, strchr(buf_str(&k.path), '?') ? "&dryRun=All" : "?dryRun=All");
	answer = cluster_ask(c, &k, &err);
	return answer && approve_probed(&err, user) == GUARD_ABSENT;
}

static int approve(struct cluster *c, const struct options *o)
{
	_cleanup_json_ json_t *app = NULL, *patch = NULL, *syncd = NULL;
	int64_t until_ms = read_until(o);
	_cleanup_free_ char *user = NULL;
	struct err err = ERR_INIT;
	const char *digest, *commits;
	char until[32];

	if (until_ms < 0)
		return EXIT_USAGE;
	app = cluster_get(c, o->args[0], &err);
	user = app ? cluster_user(c, &err) : NULL;
	if (!user)
		return output_error(&err);
	syncd = view_state(app);
	digest = digest_of(syncd, o);
	if (!digest)
		return EXIT_DIFFERENCE;
	if (is_unguarded(c, o->args[0])) {
		fprintf(stderr, "syncctl: nothing is approved: it would not count, as anybody could "
			"write it: the policy " APPROVE_POLICY " is not in force; install "
			"manifests/approval\n");
		return EXIT_DIFFERENCE;
	}
	commits = doc_get_str(syncd, "gates", "commit", NULL);
	patch = approval(o, digest, user, commits, until_ms);
	if (cluster_patch(c, o->args[0], patch, &err))
		return output_error(&err);
	time_rfc3339(until_ms, until);
	printf("%s approved %s of %s (release %.12s) until %s\n", user, o->args[1], o->args[0],
	       digest, until);
	return EXIT_DONE;
}

int cmd_approve(const struct options *o)
{
	return cluster_run(o, approve);
}
