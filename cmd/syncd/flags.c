#include "flags.h"

#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/doc.h"
#include "core/mem.h"

enum kind { STRING, DURATION, BOOL, NUMBER, LEVEL, FORMAT };

static const struct flag {
	const char *name;
	enum kind kind;
	size_t offset;
	const char *fallback, *help;
} table[] = {
#define FLAG(n, k, field, d, h) { n, k, offsetof(struct flags, field), d, h }
	FLAG("kubeconfig", STRING, kubeconfig, NULL,
	     "FILE  where the cluster is (default: in-cluster, else kubectl's rules)"),
	FLAG("context", STRING, context, NULL, "NAME  context of the kubeconfig"),
	FLAG("namespace", STRING, ns, NULL,
	     "NS  where releases, state and leases live (default: the pod's own, else syncd-system)"),
	FLAG("application-namespaces", STRING, app_namespaces, NULL,
	     "LIST  where Applications are read, comma-separated; * = all (default: own and argocd)"),
	FLAG("bootstrap-repo", STRING, bootstrap_repo, NULL,
	     "URL  the Applications found there are applied and kept, by the Application syncd-bootstrap"),
	FLAG("bootstrap-path", STRING, bootstrap_path, NULL,
	     "DIR  the folder in it, such as clusters/us-east-1-prod"),
	FLAG("bootstrap-revision", STRING, bootstrap_revision, NULL,
	     "REV  a branch, tag, commit or range of versions (default: HEAD)"),
	FLAG("poll-interval", DURATION, poll_ms, "60s",
	     "DUR  how often a repository's refs are asked, +-10 %"),
	FLAG("allow-remote-bases", STRING, remote_hosts, NULL,
	     "HOSTS  comma-separated; bases in other repositories are fetched from these (default: none)"),
	FLAG("allow-insecure-repositories", BOOL, insecure_repositories, "false",
	     "BOOL  a repository's Secret may switch off the check of its certificate"),
	FLAG("data-dir", STRING, data_dir, "/var/lib/syncd",
	     "DIR  mirrors and cache; may be lost at any time"),
	FLAG("soak", DURATION, soak_ms, "120s",
	     "DUR  a release is good after so long without trouble"),
	FLAG("wave-deadline", DURATION, wave_deadline_ms, "300s",
	     "DUR  longest wait for a wave without progress"),
	FLAG("hook-deadline", DURATION, hook_deadline_ms, "1h",
	     "DUR  longest time that a hook may run; its own activeDeadlineSeconds may be longer"),
	FLAG("degraded-grace", DURATION, degraded_grace_ms, "10s",
	     "DUR  degraded must last so long to count"),
	FLAG("pull-grace", DURATION, pull_grace_ms, "120s",
	     "DUR  an image may come so long after its commit"),
	FLAG("crash-grace", DURATION, crash_grace_ms, "60s",
	     "DUR  a crash loop must last so long to count"),
	FLAG("auto-revert", BOOL, auto_revert, "true",
	     "BOOL  put a bad release back by default"),
	FLAG("leader-elect", BOOL, leader_elect, "true",
	     "BOOL  elect one leader by a Lease"),
	FLAG("leader-elect-lease-duration", DURATION, lease_ms, "15s",
	     "DUR  whole seconds; others take over when it was not renewed for so long"),
	FLAG("leader-elect-renew-deadline", DURATION, renew_deadline_ms, "10s",
	     "DUR  a leader that could not renew for so long ends; at least 1s below the duration"),
	FLAG("leader-elect-retry-period", DURATION, retry_period_ms, "2s",
	     "DUR  between two renewals; at most half of the deadline"),
	FLAG("metrics-addr", STRING, metrics_addr, ":8080",
	     "ADDR  /metrics; empty = off"),
	FLAG("argocd-metrics", BOOL, argocd_metrics, "false",
	     "BOOL  serve metrics under Argo CD's names as well"),
	FLAG("health-addr", STRING, health_addr, ":8081",
	     "ADDR  /healthz and /readyz; empty = off"),
	FLAG("webhook-addr", STRING, webhook_addr, "",
	     "ADDR  HTTPS: POST /validate for admission, /api/webhook for pushes; empty = off"),
	FLAG("webhook-cert-dir", STRING, cert_dir, "",
	     "DIR  tls.crt and tls.key, read again when they change (default: made and rotated by syncd)"),
	FLAG("webhook-cert-lifetime", DURATION, cert_lifetime_ms, "2160h",
	     "DUR  of a certificate of its own; a new one after two thirds of it"),
	FLAG("webhook-name", STRING, webhook_name, "syncd-webhook",
	     "NAME  the Service and the ValidatingWebhookConfiguration that such a one is for"),
	FLAG("git-webhook-addr", STRING, git_webhook_addr, "",
	     "ADDR  POST /api/webhook over plain HTTP, for behind an ingress (secrets: argocd-secret); empty = off"),
	FLAG("max-requests", NUMBER, max_requests, "32",
	     "N  API requests in flight"),
	FLAG("workers", NUMBER, workers, NULL,
	     "N  worker processes at once (default: cores, at most 4)"),
	FLAG("worker", STRING, worker, NULL,
	     "FILE  the syncd-worker program (default: beside syncd)"),
	FLAG("kustomize", STRING, kustomize, NULL,
	     "FILE  the pinned kustomize program (default: beside syncd, else in PATH)"),
	FLAG("identity", STRING, identity, NULL,
	     "NAME  this process in the election (default: host name and a random part)"),
	FLAG("cluster-name", STRING, cluster_name, "in-cluster",
	     "NAME  what commit statuses and notifications call this cluster"),
	FLAG("log-level", LEVEL, log_debug, "info", "info|debug"),
	FLAG("log-format", FORMAT, log_json, NULL,
	     "text|json  (default: json when not a terminal)"),
};

static int bad(struct err *err, const struct flag *f, const char *value,
	       const char *want)
{
	return err_set(err, ERR_INVALID, "--%s: \"%s\" is not %s", f->name, value,
		       want);
}

static int set_bool(bool *to, const struct flag *f, const char *value,
		    const char *yes, const char *no, struct err *err)
{
	_cleanup_free_ char *want = xasprintf("%s or %s", yes, no);

	if (strcmp(value, yes) && strcmp(value, no))
		return bad(err, f, value, want);
	*to = !strcmp(value, yes);
	return 0;
}

static int set(struct flags *flags, const struct flag *f, const char *value,
	       struct err *err)
{
	void *to = (char *)flags + f->offset;
	unsigned long n;
	char *end;

	switch (f->kind) {
	case STRING:
		*(const char **)to = value;
		return 0;
	case DURATION:
		return duration_parse(value, to, err) ?
		       err_wrap(err, "--%s", f->name) : 0;
	case BOOL:
		return set_bool(to, f, value, "true", "false", err);
	case LEVEL:
		return set_bool(to, f, value, "debug", "info", err);
	case FORMAT:
		return set_bool(to, f, value, "json", "text", err);
	case NUMBER:
		n = strtoul(value, &end, 10);
		if (!*value || *end || !n || n > 10000)
			return bad(err, f, value, "a number from 1 to 10000");
		*(unsigned *)to = (unsigned)n;
		return 0;
	}
	return 0;
}

/* So that a leader knows of its end before others may begin. */
static int check_lease(const struct flags *f, struct err *err)
{
	if (f->lease_ms % 1000 || !f->lease_ms || f->lease_ms > 600000)
		return err_set(err, ERR_INVALID, "--leader-elect-lease-duration: whole "
			       "seconds from 1s to 10m are possible");
	if (f->renew_deadline_ms + 1000 > f->lease_ms)
		return err_set(err, ERR_INVALID, "--leader-elect-renew-deadline must be at "
			       "least 1s below --leader-elect-lease-duration");
	if (f->retry_period_ms < 100 || f->retry_period_ms * 2 > f->renew_deadline_ms)
		return err_set(err, ERR_INVALID, "--leader-elect-retry-period: from 100ms "
			       "to half of --leader-elect-renew-deadline is possible");
	return 0;
}

static const char *from_env(const struct flag *f)
{
	char name[64] = "SYNCD_";
	size_t n = strlen(name);

	for (const char *p = f->name; *p && n < sizeof(name) - 1; p++)
		name[n++] = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
	return getenv(name);
}

static const struct flag *find(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (strlen(table[i].name) == len &&
		    !strncmp(table[i].name, name, len))
			return &table[i];
	return NULL;
}

static int parse_one(struct flags *flags, int argc, char **argv, int *i,
		     struct err *err)
{
	const char *arg = argv[*i] + 2, *value = strchr(arg, '=');
	size_t len = value ? (size_t)(value - arg) : strlen(arg);
	const struct flag *f = find(arg, len);

	if (!f)
		return err_set(err, ERR_INVALID, "unknown flag --%.*s (see syncd "
			       "--help)", (int)len, arg);
	if (value)
		return set(flags, f, value + 1, err);
	if (f->kind == BOOL && (*i + 1 == argc || argv[*i + 1][0] == '-'))
		return set(flags, f, "true", err);
	if (*i + 1 == argc)
		return err_set(err, ERR_INVALID, "--%s needs a value", f->name);
	return set(flags, f, argv[++*i], err);
}

/* What operators of Kubernetes know from elsewhere: for a run outside of a cluster. */
static int close_webhooks(struct flags *flags, struct err *err)
{
	const char *text = getenv("DISABLE_WEBHOOKS");

	if (text && !strcmp(text, "true"))
		flags->webhook_addr = flags->git_webhook_addr = "";
	else if (text && *text && strcmp(text, "false"))
		return err_set(err, ERR_INVALID, "environment: DISABLE_WEBHOOKS: \"%s\" is not "
			       "true or false", text);
	if (flags->cert_lifetime_ms < 10000)
		return err_set(err, ERR_INVALID, "--webhook-cert-lifetime: at least 10s");
	return 0;
}

static bool is_given(const char *text)
{
	return text && *text;
}

static int check_bootstrap(struct flags *f, struct err *err)
{
	if (is_given(f->bootstrap_repo) != is_given(f->bootstrap_path))
		return err_set(err, ERR_INVALID, "--bootstrap-repo and --bootstrap-path go "
			       "together: --%s is missing", is_given(f->bootstrap_repo) ?
			       "bootstrap-path" : "bootstrap-repo");
	if (is_given(f->bootstrap_revision) && !is_given(f->bootstrap_repo))
		return err_set(err, ERR_INVALID, "--bootstrap-revision: of which "
			       "repository? --bootstrap-repo is missing");
	if (!is_given(f->bootstrap_repo))
		f->bootstrap_repo = NULL;
	return 0;
}

int flags_parse(struct flags *flags, int argc, char **argv, struct err *err)
{
	*flags = (struct flags){ .log_json = !isatty(2) };
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const char *env = from_env(&table[i]);

		if (table[i].fallback &&
		    set(flags, &table[i], table[i].fallback, err))
			return -1;
		if (env && set(flags, &table[i], env, err))
			return err_wrap(err, "environment");
	}
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			flags->help = true;
		else if (!strcmp(argv[i], "--version"))
			flags->version = true;
		else if (strncmp(argv[i], "--", 2))
			return err_set(err, ERR_INVALID, "unexpected argument "
				       "\"%s\" (see syncd --help)", argv[i]);
		else if (parse_one(flags, argc, argv, &i, err))
			return -1;
	}
	if (check_bootstrap(flags, err) || check_lease(flags, err))
		return -1;
	return close_webhooks(flags, err);
}

void flags_help(FILE *out)
{
	fputs("syncd keeps this cluster equal to what Git says, and puts it back to "
	      "the last\ngood release by itself when a new one turns bad.\n\n"
	      "Usage: syncd [flags]   (each flag also as SYNCD_<NAME>)\n\n", out);
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		fprintf(out, "  --%-24s %s%s%s%s\n", table[i].name, table[i].help,
			table[i].fallback ? " (default: " : "",
			table[i].fallback ? table[i].fallback : "",
			table[i].fallback ? ")" : "");
	fputs("  --help, --version\n\nExit status: 0 after SIGTERM, 1 failure, 2 "
	      "usage.\n", out);
}
