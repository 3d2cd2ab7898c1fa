/*
 * The command line: one table of flags, one of commands. Flags may stand before
 * or after the command; a command refuses flags that it has no use for.
 */
#include "options.h"

#include "core/mem.h"

#include <stdio.h>

const struct command commands[] = {
	{ "status", "[APP]", "how everything is, or one application's whole story",
	  cmd_status, 0, 1, F_CLUSTER | F_MANY | F_OUTPUT | F_SYSTEM },
	{ "list", "", "the applications", cmd_list, 0, 0,
	  F_CLUSTER | F_MANY | F_OUTPUT },
	{ "get", "APP", "one application and its objects", cmd_get, 1, 1,
	  F_CLUSTER | F_OUTPUT },
	{ "resources", "APP", "its objects, each in a row", cmd_resources, 1, 1,
	  F_CLUSTER | F_OUTPUT | F_ORPHANED },
	{ "tree", "APP", "its objects and what they made, down to the pods", cmd_tree, 1, 1,
	  F_CLUSTER },
	{ "events", "APP", "what was said of it and of its objects", cmd_events, 1, 1,
	  F_CLUSTER | F_OUTPUT },
	{ "logs", "APP", "what its pods say, or what is kept of a rejection", cmd_logs, 1, 1,
	  F_CLUSTER | F_LOGS | F_SYSTEM },
	{ "diff", "APP [RELEASE]", "what a sync would change; exit 1 if anything", cmd_diff,
	  0, 2, F_CLUSTER | F_OUTPUT | F_REVISION | F_SOURCES | F_DIFF | F_SYSTEM |
	  F_BASE },
	{ "sync", "APP", "ask for a sync and follow exactly it to its end", cmd_sync,
	  1, 1, F_CLUSTER | F_SYNC | F_ASK | F_FORCE | F_REVISION | F_SOURCES | F_TIMEOUT },
	{ "wait", "APP", "until it is synced, healthy and idle (or what is asked for)",
	  cmd_wait, 1, 1, F_CLUSTER | F_WAIT | F_REVISION | F_TIMEOUT },
	{ "confirm", "APP", "shows what waits for approval to be deleted, and approves it",
	  cmd_confirm, 1, 1, F_CLUSTER | F_CONFIRM },
	{ "approve", "APP REVISION", "lets out what an approval is required for", cmd_approve,
	  2, 2, F_CLUSTER | F_REASON | F_APPROVE },
	{ "history", "APP", "its releases, and which is in force", cmd_history, 1, 1,
	  F_CLUSTER | F_OUTPUT },
	{ "rollback", "APP [ID]", "back to a stored release; works with Git down",
	  cmd_rollback, 1, 2, F_CLUSTER | F_ASK | F_FORCE | F_TTL | F_TIMEOUT },
	{ "retry", "APP", "what was rejected or failed once more", cmd_retry, 1, 1,
	  F_CLUSTER | F_ASK | F_FORCE | F_TIMEOUT },
	{ "pin", "APP", "nothing new goes out; what runs is kept and healed", cmd_pin, 1, 1,
	  F_CLUSTER | F_TTL | F_REASON },
	{ "unpin", "APP", "it follows Git again", cmd_unpin, 1, 1,
	  F_CLUSTER | F_ASK | F_FORCE | F_TIMEOUT },
	{ "terminate", "APP", "end the operation that runs or waits, at a safe point",
	  cmd_terminate, 1, 1, F_CLUSTER | F_ASK | F_TIMEOUT },
	{ "suspend", "APP", "nothing at all is written for it", cmd_suspend, 1, 1,
	  F_CLUSTER | F_TTL | F_REASON },
	{ "resume", "[APP]", "ends suspend, and with --all the pause of everything",
	  cmd_resume, 0, 1, F_CLUSTER | F_EVERYTHING | F_SYSTEM },
	{ "pause", "", "with --all: nothing is written for any application", cmd_pause,
	  0, 0, F_CLUSTER | F_EVERYTHING | F_SYSTEM | F_TTL | F_REASON | F_PAUSE },
	{ "report", "", "what auto-revert would have done where it only reports", cmd_report,
	  0, 0, F_CLUSTER | F_MANY | F_OUTPUT },
	{ "windows", "APP", "its project's sync windows, and what they say now", cmd_windows,
	  1, 1, F_CLUSTER | F_OUTPUT | F_SYSTEM },
	{ "render", "PATH", "what Git would give: local, needs no cluster", cmd_render,
	  1, 1, F_OUTPUT | F_RENDER },
	{ "validate", "PATH", "builds what is below PATH, with --all the Applications, too: "
	  "local", cmd_validate,
	  1, 1, F_OUTPUT | F_EVERYTHING | F_CHECK },
	{ "affected", "[ROOT]", "which applications a change between two revisions touches",
	  cmd_affected, 0, 1, F_OUTPUT | F_BASE | F_HEAD },
	{ "health", "-f FILE", "how the objects in a file are: local; exit 1 if one is bad",
	  cmd_health, 0, 0, F_FILE | F_OUTPUT },
	{ "install", "[PART]", "syncd into the cluster: all, crds, rbac or deployment",
	  cmd_install, 0, 1, F_CLUSTER | F_INSTALL },
	{ "completion", "SHELL", "for bash, zsh or fish: source <(syncctl completion bash)",
	  cmd_completion, 1, 1, 0 },
	{ "man", "[COMMAND]", "the manual page of syncctl, or of a command, as roff",
	  cmd_man, 0, 1, 0 },
	{ "version", "", "of this program", cmd_version, 0, 0, F_OUTPUT },
	{ 0 },
};

const struct flag flags[] = {
#define AT(m) offsetof(struct options, m)
	{ "namespace", 'n', FLAG_STR, AT(ns), F_CLUSTER, "NS",
	  "where the application is; else it is looked for" },
	{ "all-namespaces", 'A', FLAG_BOOL, AT(all), F_MANY, "", "of all namespaces (as without -n)" },
	{ "selector", 'l', FLAG_STR, AT(selector), F_MANY | F_EMPTY, "LABELS",
	  "only those with these labels" },
	{ "context", 0, FLAG_STR, AT(context), F_CLUSTER | F_CHECK, "NAME",
	  "of the kubeconfig" },
	{ "kubeconfig", 0, FLAG_STR, AT(kubeconfig), F_CLUSTER | F_CHECK | F_EMPTY, "FILE",
	  "else $KUBECONFIG, else ~/.kube/config" },
	{ "output", 'o', FLAG_OUTPUT, 0, F_OUTPUT, "FORMAT", "table, wide, json, yaml or name" },
	{ "filename", 'f', FLAG_STR, AT(file), F_FILE, "FILE",
	  "objects as YAML or JSON; - reads standard input" },
	{ "lua", 0, FLAG_STR, AT(lua), F_FILE, "FILE",
	  "judge each object by this health script" },
	{ "customizations", 0, FLAG_STR, AT(customizations), F_FILE, "FILE",
	  "judge by the health scripts of this argocd-cm" },
	{ "revision", 0, FLAG_STR, AT(named.revision), F_REVISION, "REV",
	  "with this branch, tag or commit instead of what Git says" },
	{ "revisions", 0, FLAG_LIST, AT(named.revisions), F_SOURCES, "REV",
	  "of several sources: of one of them; may be given again" },
	{ "local", 0, FLAG_LIST, AT(named.locals), F_DIFF, "PATH",
	  "with the folder PATH instead of what Git says; of several sources: of one of "
	  "them, and may be given again" },
	{ "source-positions", 0, FLAG_LIST, AT(named.positions), F_SOURCES, "N",
	  "which source each --revisions (or --local) is of, as syncctl get numbers them" },
	{ "source-names", 0, FLAG_LIST, AT(named.names), F_SOURCES, "NAME",
	  "the same, by the name in spec.sources" },
	{ "base", 0, FLAG_STR, AT(base), F_BASE, "REV",
	  "the branch that a change is for; of diff: all applications of --local, without "
	  "a cluster" },
	{ "head", 0, FLAG_STR, AT(head), F_HEAD, "REV", "the change; else HEAD" },
	{ "release", 0, FLAG_STR, AT(release), F_DIFF, "A",
	  "release A with release B, or with the one in force" },
	{ "prune", 0, FLAG_BOOL, AT(prune), F_SYNC, "",
	  "also delete what is no longer in Git" },
	{ "dry-run", 0, FLAG_BOOL, AT(dry_run), F_SYNC | F_CONFIRM, "",
	  "ask or show, change nothing" },
	{ "yes", 'y', FLAG_BOOL, AT(yes), F_CONFIRM, "", "do not ask; needed without a terminal" },
	{ "resource", 0, FLAG_LIST, AT(resources), F_SYNC, "GROUP:KIND:[NS/]NAME",
	  "only this object; may be given again" },
	{ "force", 0, FLAG_BOOL, AT(force), F_FORCE, "",
	  "replace another person's request that waits or runs" },
	{ "async", 0, FLAG_BOOL, AT(async), F_ASK, "", "do not follow it" },
	{ "ttl", 0, FLAG_STR, AT(ttl), F_TTL, "DURATION", "it ends by itself after that long" },
	{ "until", 0, FLAG_STR, AT(until), F_APPROVE, "WHEN",
	  "a duration or a time: it is void then (24h)" },
	{ "override", 0, FLAG_STR, AT(override), F_SYNC | F_EMPTY, "WHY",
	  "passes a shut gate, once; the reason is kept" },
	{ "gate", 0, FLAG_STR, AT(gates), F_SYNC, "NAMES",
	  "with --override: which, where several are shut" },
	{ "reason", 0, FLAG_STR, AT(reason), F_REASON | F_EMPTY, "WORDS", "why, for the others" },
	{ "all", 0, FLAG_BOOL, AT(everything), F_EVERYTHING, "", "every application of this syncd" },
	{ "strict", 0, FLAG_BOOL, AT(strict), F_CHECK, "", "with --all: warnings are errors" },
	{ "schema", 0, FLAG_STR, AT(schema), F_CHECK, "FILE",
	  "with --all: of kubectl get --raw /openapi/v2, or 'cluster' to ask it" },
	{ "repo", 0, FLAG_STR, AT(repo), F_CHECK | F_BASE, "URL",
	  "this repository's, where its Git remotes do not say it" },
	{ "off", 0, FLAG_BOOL, AT(off), F_PAUSE, "", "end the pause" },
	{ "syncd-namespace", 0, FLAG_STR, AT(system_ns), F_SYSTEM, "NS",
	  "syncd's own namespace; else it is looked for" },
	{ "orphaned", 0, FLAG_BOOL, AT(orphaned), F_ORPHANED, "",
	  "what is nobody's in its namespace, where its project asks for that" },
	{ "rejected", 0, FLAG_BOOL, AT(rejected), F_LOGS, "", "what is kept of rejected releases" },
	{ "tail", 0, FLAG_STR, AT(tail), F_LOGS, "N", "lines of each container (50)" },
	{ "container", 'c', FLAG_STR, AT(container), F_LOGS, "NAME", "only these containers" },
	{ "sync", 0, FLAG_BOOL, AT(sync), F_WAIT, "", "until it is Synced" },
	{ "health", 0, FLAG_BOOL, AT(health), F_WAIT, "", "until it is Healthy" },
	{ "operation", 0, FLAG_BOOL, AT(operation), F_WAIT, "",
	  "until no operation runs" },
	{ "good", 0, FLAG_BOOL, AT(good), F_WAIT, "",
	  "until its release has proved good (soaked, pruned)" },
	{ "timeout", 0, FLAG_STR, AT(timeout), F_TIMEOUT, "DURATION",
	  "how long to wait (10m)" },
	{ "print", 0, FLAG_BOOL, AT(print), F_INSTALL, "", "write the manifests, touch no cluster" },
	{ "image", 0, FLAG_STR, AT(image), F_INSTALL, "IMAGE", "syncd's, where yours has another name" },
	{ "diff-reference", 0, FLAG_BOOL, AT(diff_reference), F_RENDER, "",
	  "compare with what the kustomize program prints" },
	{ "help", 'h', FLAG_BOOL, AT(help), F_ALWAYS, "", "this text" },
	{ "version", 0, FLAG_BOOL, AT(version), F_ALWAYS, "", "of this program" },
	{ 0 },
};

bool flag_fits(const struct flag *f, const struct command *c)
{
	return f->bits & (c->flags | F_ALWAYS);
}

const struct command *command_find(const char *name)
{
	for (const struct command *c = commands; c->name; c++)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

const char *command_also(const struct command *c)
{
	static const struct { const char *name, *args; } also[] = {
		{ "diff", "--local ROOT --base REV" },
		{ "validate", "--all ROOT" },
		{ "sync", "APP --revisions REV --source-positions N" },
	};

	for (size_t i = 0; i < ARRAY_LEN(also); i++)
		if (!strcmp(also[i].name, c->name))
			return also[i].args;
	return NULL;
}

void usage(FILE *to)
{
	fprintf(to, "syncctl tells how applications are and asks syncd to sync them.\n\n"
		"  %s COMMAND [ARGUMENT] [FLAGS]\n\n", program_name());
	for (const struct command *c = commands; c->name; c++)
		fprintf(to, "  %-10s %-13s %s\n", c->name, c->args, c->summary);
	fprintf(to, "\n%s help COMMAND tells its flags. Exit status: 0 done, 1 a difference "
		"or failure,\n2 wrong usage, 20 any other error.\n", program_name());
}

/* What a flag says of one command, where it is not what it says of the others. */
static const struct { const char *command, *flag, *help; } special[] = {
	{ "status", "namespace", "only of this namespace; else of all" },
	{ "list", "namespace", "only of this namespace; else of all" },
	{ "report", "namespace", "only of this namespace; else of all" },
	{ "install", "namespace", "where syncd goes (syncd-system)" },
	{ "diff", "output", "table, unified, json, yaml or name" },
	{ "report", "output", "table, wide, json or yaml" },
	{ "windows", "output", "table, wide, json or yaml" },
	{ "version", "output", "table, wide, json or yaml" },
	{ "history", "output", "table, wide, json, yaml, or name: the releases' numbers" },
	{ "validate", "output", "table, json, yaml or name; with --all also sarif, github" },
	{ "validate", "all", "Applications, too, and what is wrong with what they give" },
	{ "sync", "revision", "this branch, tag or commit instead of what the spec says" },
	{ "wait", "revision", "until Git's commit begins so" },
};

const char *flag_help(const struct flag *f, const struct command *c)
{
	for (size_t i = 0; i < ARRAY_LEN(special); i++)
		if (!strcmp(special[i].command, c->name) && !strcmp(special[i].flag, f->name))
			return special[i].help;
	return f->help;
}

/* Words below each other from `column` on, in a terminal of 80. */
static void print_words(const char *words, int column, FILE *to)
{
	size_t room = (size_t)(79 - column);

	while (strlen(words) > room) {
		size_t n = room;

		while (n && words[n] != ' ')
			n--;
		if (!n)
			break;
		fprintf(to, "%.*s\n%*s", (int)n, words, column, "");
		words += n + 1;
	}
	fprintf(to, "%s\n", words);
}

void command_help(const struct command *c, FILE *to)
{
	fprintf(to, "%s %s%s%s\n", program_name(), c->name, *c->args ? " " : "", c->args);
	if (command_also(c))
		fprintf(to, "%s %s %s\n", program_name(), c->name, command_also(c));
	fprintf(to, "\n  %s\n\n", c->summary);
	for (size_t i = 0; flags[i].name; i++) {
		_cleanup_free_ char *name = NULL;

		if (!flag_fits(&flags[i], c))
			continue;
		name = xasprintf("--%s %s", flags[i].name, flags[i].value);
		if (flags[i].letter)
			fprintf(to, "  -%c, %-32s ", flags[i].letter, name);
		else
			fprintf(to, "      %-32s ", name);
		print_words(flag_help(&flags[i], c), 39, to);
	}
}

/* ---- reading ---- */

/* Words of Argo CD, Flux and kubectl that are none of ours, and what is. */
static const struct { const char *word, *instead; } elsewhere[] = {
	{ "app", "leave 'app' out: syncctl get APP, syncctl sync APP" },
	{ "refresh", "Git is asked by itself; to ask it now: kubectl annotate application APP "
		     "argocd.argoproj.io/refresh=normal" },
	{ "hard-refresh", "kubectl annotate application APP argocd.argoproj.io/refresh=hard" },
	{ "reconcile", "syncctl sync APP" },
	{ "terminate-op", "syncctl terminate APP" },
	{ "manifests", "syncctl render PATH shows what Git gives" },
	{ "delete", "kubectl delete application APP" },
	{ "create", "kubectl apply -f FILE" },
	{ "set", "kubectl edit application APP" },
	{ "edit", "kubectl edit application APP" },
	{ "login", "there is none: your kubeconfig and your rights in it count" },
	{ "follow", "kubectl logs -f follows one pod" },
	{ "replace", "an option of the Application: spec.syncPolicy.syncOptions, Replace=true" },
	{ "server-side", "objects are always applied server-side" },
	{ "strategy", "hooks always run; there is one strategy" },
	{ "id", "the release's number alone: syncctl rollback APP ID" },
};

static const char *instead_of(const char *word, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(elsewhere); i++)
		if (strlen(elsewhere[i].word) == len && !strncmp(elsewhere[i].word, word, len))
			return elsewhere[i].instead;
	return "see syncctl help";
}

static int set_output(struct options *o, const char *value)
{
	static const struct { const char *name; enum output output; } formats[] = {
		{ "table", OUT_TABLE }, { "wide", OUT_WIDE }, { "json", OUT_JSON },
		{ "yaml", OUT_YAML }, { "name", OUT_NAME }, { "unified", OUT_UNIFIED },
		{ "sarif", OUT_SARIF }, { "github", OUT_GITHUB },
	};

	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		if (!strcmp(formats[i].name, value)) {
			o->output = formats[i].output;
			return 0;
		}
	return output_usage("-o %s: want table, wide, json, yaml or name", value);
}

static int add_word(const struct flag *f, struct view_words *list, const char *value)
{
	if (list->n == ARRAY_LEN(list->data))
		return output_usage("--%s: at most %d", f->name, VIEW_WORDS_MAX);
	list->data[list->n++] = value;
	return 0;
}

static int set_flag(struct options *o, const struct flag *f, const char *value)
{
	char *at = (char *)o + f->offset;

	switch (f->type) {
	case FLAG_BOOL:
		*(bool *)at = true;
		return 0;
	case FLAG_STR:
		/* A script's variable that was never set is not "the first that fits". */
		if (!*value && !(f->bits & F_EMPTY))
			return output_usage("--%s: it is empty", f->name);
		*(const char **)(void *)at = value;
		return 0;
	case FLAG_OUTPUT:
		return set_output(o, value);
	case FLAG_LIST:
		return add_word(f, (struct view_words *)(void *)at, value);
	}
	return 0;
}

/* What is being read; the flags given, for the command to judge. */
struct reader {
	char **argv;
	int argc, i;
	const struct flag *given[64], *lacks;	/* lacks: its value; NULL */
	size_t n_given;
};

static const struct flag *find_long(const char *name, size_t len)
{
	for (size_t i = 0; flags[i].name; i++)
		if (strlen(flags[i].name) == len && !strncmp(flags[i].name, name, len))
			return &flags[i];
	return NULL;
}

static const struct flag *find_short(char letter)
{
	for (size_t i = 0; flags[i].name; i++)
		if (letter && flags[i].letter == letter)
			return &flags[i];
	return NULL;
}

static int read_flag(struct reader *r, struct options *o, const char *arg)
{
	bool is_long = arg[1] == '-';
	const char *equals = is_long ? strchr(arg, '=') : NULL, *value = NULL;
	size_t len = equals ? (size_t)(equals - arg - 2) : strlen(arg) - 1 - is_long;
	const struct flag *f = is_long ? find_long(arg + 2, len) : find_short(arg[1]);

	if (!f)
		return output_usage("there is no flag %s; %s", arg,
				    is_long ? instead_of(arg + 2, len) : "see syncctl help");
	if (equals)
		value = equals + 1;
	else if (!is_long && arg[2])
		value = arg + 2;
	if (f->type == FLAG_BOOL && value)
		return output_usage("--%s takes no value", f->name);
	if (f->type != FLAG_BOOL && !value && r->i + 1 < r->argc)
		value = r->argv[++r->i];
	if (r->n_given < ARRAY_LEN(r->given))
		r->given[r->n_given++] = f;
	if (f->type != FLAG_BOOL && !value) {
		r->lacks = f;	/* it may be none of the command's */
		return 0;
	}
	return set_flag(o, f, value);
}

static int check_given(const struct reader *r, const struct command *c)
{
	for (size_t i = 0; i < r->n_given; i++) {
		const struct flag *f = r->given[i];

		if (f->bits & c->flags)
			continue;
		if (f->letter)
			return output_usage("-%c (--%s) means nothing to '%s'; see syncctl help "
					    "%s", f->letter, f->name, c->name, c->name);
		return output_usage("--%s means nothing to '%s'; see syncctl help %s", f->name,
				    c->name, c->name);
	}
	return r->lacks ? output_usage("--%s needs a value", r->lacks->name) : 0;
}

static bool is_kind(const char *word, size_t len)
{
	static const char *const kinds[] = { "application.argoproj.io",
					     "applications.argoproj.io" };

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strlen(kinds[i]) == len && !strncmp(kinds[i], word, len))
			return true;
	return false;
}

/*
 * NAMESPACE/NAME as the log and Argo CD say it, application.argoproj.io/NAME as -o name.
 * "apps/web" is of a namespace: one may be called so, and another web may be elsewhere.
 */
static int split_name(struct options *o, const struct command *c)
{
	char *slash;

	if (!o->n_args || !strstr(c->args, "APP"))
		return 0;
	slash = strchr(o->args[0], '/');
	if (slash && is_kind(o->args[0], (size_t)(slash - o->args[0]))) {
		o->args[0] = slash + 1;
		slash = strchr(o->args[0], '/');
	}
	if (!slash)
		return 0;
	*slash = '\0';
	if (!*o->args[0] || !slash[1] || strchr(slash + 1, '/'))
		return output_usage("'%s/%s' is no application: want its name, or "
				    "NAMESPACE/NAME", o->args[0], slash + 1);
	if (o->ns && strcmp(o->ns, o->args[0]))
		return output_usage("%s/%s is not of namespace %s: -n contradicts it",
				    o->args[0], slash + 1, o->ns);
	o->ns = o->args[0];
	o->args[0] = slash + 1;
	return 0;
}

static bool has_names(const struct command *c)
{
	static const char *const none[] = { "report", "windows", "version" };

	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		if (!strcmp(none[i], c->name))
			return false;
	return true;
}

static int check(const struct reader *r, struct options *o, const struct command *c)
{
	int rc;

	if (o->help || o->version)
		return 0;
	rc = check_given(r, c);
	if (rc)
		return rc;
	if (o->n_args < c->min_args)
		return output_usage("'%s' needs %s", c->name, c->args);
	if (o->n_args > c->max_args)
		return output_usage("'%s' does not take '%s'", c->name,
				    o->args[c->max_args]);
	if (o->output == OUT_UNIFIED && !(c->flags & F_DIFF))
		return output_usage("-o unified: 'diff' alone has it");
	if ((o->output == OUT_SARIF || o->output == OUT_GITHUB) && !(c->flags & F_CHECK))
		return output_usage("-o sarif, -o github: 'validate --all' alone has them");
	if (o->output == OUT_NAME && !has_names(c))
		return output_usage("-o name: '%s' has no names to print; want table, wide, json or "
				    "yaml", c->name);
	if (o->all && o->ns)
		return output_usage("-A and -n exclude each other");
	if (o->all && o->n_args)
		return output_usage("-A and a name exclude each other");
	return split_name(o, c);
}

static int read_words(struct reader *r, struct options *o, const char **command)
{
	for (r->i = 1; r->i < r->argc; r->i++) {
		const char *arg = r->argv[r->i];

		if (arg[0] == '-' && arg[1]) {
			int rc = read_flag(r, o, arg);

			if (rc)
				return rc;
		} else if (!*command && !strcmp(arg, "help")) {
			o->help = true;
		} else if (!*command) {
			*command = arg;
		} else if (o->n_args < ARRAY_LEN(o->args)) {
			o->args[o->n_args++] = arg;
		} else {
			return output_usage("too many arguments");
		}
	}
	return 0;
}

int options_parse(struct options *o, const struct command **ret_command,
		  int argc, char **argv)
{
	struct reader r = { .argv = argv, .argc = argc };
	const char *name = NULL;
	int rc;

	memset(o, 0, sizeof(*o));
	*ret_command = NULL;
	rc = read_words(&r, o, &name);
	if (rc)
		return rc;
	if (!name) {
		if (o->help || o->version)
			return 0;
		usage(stderr);
		return EXIT_USAGE;
	}
	*ret_command = command_find(name);
	if (!*ret_command)
		return output_usage("there is no command '%s'; %s", name,
				    instead_of(name, strlen(name)));
	return check(&r, o, *ret_command);
}
