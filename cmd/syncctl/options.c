/*
 * The command line: one table of flags, one of commands. Flags may stand before
 * or after the command; a command refuses flags that it has no use for.
 */
#include "syncctl.h"

#include "core/mem.h"

#include <stdio.h>

enum flag_bits {
	F_CLUSTER = 1, F_MANY = 2, F_OUTPUT = 4, F_FILE = 8, F_REVISION = 16,
	F_SYNC = 32, F_WAIT = 64, F_TIMEOUT = 128, F_ALWAYS = 256, F_RENDER = 512,
};

const struct command commands[] = {
	{ "status", "[APP]", "how everything is, or one application's whole story",
	  cmd_status, 0, 1, F_CLUSTER | F_MANY | F_OUTPUT },
	{ "list", "", "the applications", cmd_list, 0, 0,
	  F_CLUSTER | F_MANY | F_OUTPUT },
	{ "get", "APP", "one application and its objects", cmd_get, 1, 1,
	  F_CLUSTER | F_OUTPUT },
	{ "sync", "APP", "ask for a sync and follow exactly it to its end", cmd_sync,
	  1, 1, F_CLUSTER | F_SYNC | F_REVISION | F_TIMEOUT },
	{ "wait", "APP", "until it is synced, healthy and idle (or what is asked for)",
	  cmd_wait, 1, 1, F_CLUSTER | F_WAIT | F_REVISION | F_TIMEOUT },
	{ "history", "APP", "its releases, and which is in force", cmd_history, 1, 1,
	  F_CLUSTER | F_OUTPUT },
	{ "render", "PATH", "what Git would give: local, needs no cluster", cmd_render,
	  1, 1, F_OUTPUT | F_RENDER },
	{ "validate", "PATH", "builds every kustomization below PATH: local", cmd_validate,
	  1, 1, F_OUTPUT },
	{ "health", "-f FILE", "how the objects in a file are: local", cmd_health,
	  0, 0, F_FILE | F_OUTPUT },
	{ "version", "", "of this program", cmd_version, 0, 0, F_OUTPUT },
	{ 0 },
};

enum flag_type { FLAG_BOOL, FLAG_STR, FLAG_OUTPUT, FLAG_RESOURCE };

static const struct flag {
	const char *name;
	char letter;
	enum flag_type type;
	size_t offset;
	uint32_t bits;
	const char *value, *help;
} flags[] = {
#define AT(m) offsetof(struct options, m)
	{ "namespace", 'n', FLAG_STR, AT(ns), F_CLUSTER, "NS",
	  "where the application is; else the context's" },
	{ "all-namespaces", 'A', FLAG_BOOL, AT(all), F_MANY, "", "of all namespaces (as without -n)" },
	{ "selector", 'l', FLAG_STR, AT(selector), F_MANY, "LABELS",
	  "only those with these labels" },
	{ "context", 0, FLAG_STR, AT(context), F_CLUSTER, "NAME",
	  "of the kubeconfig" },
	{ "kubeconfig", 0, FLAG_STR, AT(kubeconfig), F_CLUSTER, "FILE",
	  "else $KUBECONFIG, else ~/.kube/config" },
	{ "output", 'o', FLAG_OUTPUT, 0, F_OUTPUT, "FORMAT",
	  "table, wide, json, yaml or name" },
	{ "filename", 'f', FLAG_STR, AT(file), F_FILE, "FILE",
	  "objects as YAML or JSON; - reads standard input" },
	{ "revision", 0, FLAG_STR, AT(revision), F_REVISION, "REV",
	  "sync: this revision; wait: until Git's commit begins so" },
	{ "prune", 0, FLAG_BOOL, AT(prune), F_SYNC, "",
	  "also delete what is no longer in Git" },
	{ "dry-run", 0, FLAG_BOOL, AT(dry_run), F_SYNC, "", "ask, change nothing" },
	{ "resource", 0, FLAG_RESOURCE, 0, F_SYNC, "GROUP:KIND:[NS/]NAME",
	  "only this object; may be given again" },
	{ "force", 0, FLAG_BOOL, AT(force), F_SYNC, "",
	  "replace a request that is waiting or running" },
	{ "async", 0, FLAG_BOOL, AT(async), F_SYNC, "", "do not follow it" },
	{ "sync", 0, FLAG_BOOL, AT(sync), F_WAIT, "", "until it is Synced" },
	{ "health", 0, FLAG_BOOL, AT(health), F_WAIT, "", "until it is Healthy" },
	{ "operation", 0, FLAG_BOOL, AT(operation), F_WAIT, "",
	  "until no operation runs" },
	{ "good", 0, FLAG_BOOL, AT(good), F_WAIT, "",
	  "until its release has proved good (soaked, pruned)" },
	{ "timeout", 0, FLAG_STR, AT(timeout), F_TIMEOUT, "DURATION",
	  "how long to wait (10m)" },
	{ "diff-reference", 0, FLAG_BOOL, AT(diff_reference), F_RENDER, "",
	  "compare with what the kustomize program prints" },
	{ "help", 'h', FLAG_BOOL, AT(help), F_ALWAYS, "", "this text" },
	{ "version", 0, FLAG_BOOL, AT(version), F_ALWAYS, "", "of this program" },
};

static const struct command *find_command(const char *name)
{
	for (const struct command *c = commands; c->name; c++)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

void usage(FILE *to)
{
	fputs("syncctl tells how applications are and asks syncd to sync them.\n\n"
	      "  syncctl COMMAND [ARGUMENT] [FLAGS]\n\n", to);
	for (const struct command *c = commands; c->name; c++)
		fprintf(to, "  %-8s %-9s %s\n", c->name, c->args, c->summary);
	fputs("\nsyncctl help COMMAND tells its flags. Exit status: 0 done, 1 a difference or "
	      "failure,\n2 wrong usage, 20 any other error.\n", to);
}

void command_help(const struct command *c, FILE *to)
{
	fprintf(to, "syncctl %s %s\n\n  %s\n\n", c->name, c->args, c->summary);
	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		_cleanup_free_ char *name = NULL;

		if (!(flags[i].bits & (c->flags | F_ALWAYS)))
			continue;
		name = xasprintf("--%s %s", flags[i].name, flags[i].value);
		if (flags[i].letter)
			fprintf(to, "  -%c, %-32s %s\n", flags[i].letter, name,
				flags[i].help);
		else
			fprintf(to, "      %-32s %s\n", name, flags[i].help);
	}
}

static int set_output(struct options *o, const char *value)
{
	static const struct { const char *name; enum output output; } formats[] = {
		{ "table", OUT_TABLE }, { "wide", OUT_WIDE }, { "json", OUT_JSON },
		{ "yaml", OUT_YAML }, { "name", OUT_NAME },
	};

	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		if (!strcmp(formats[i].name, value)) {
			o->output = formats[i].output;
			return 0;
		}
	return output_usage("-o %s: want table, wide, json, yaml or name", value);
}

static int set_flag(struct options *o, const struct flag *f, const char *value)
{
	char *at = (char *)o + f->offset;

	switch (f->type) {
	case FLAG_BOOL:
		*(bool *)at = true;
		return 0;
	case FLAG_STR:
		*(const char **)(void *)at = value;
		return 0;
	case FLAG_OUTPUT:
		return set_output(o, value);
	case FLAG_RESOURCE:
		if (o->n_resources == MAX_RESOURCES)
			return output_usage("--resource: at most %d", MAX_RESOURCES);
		o->resources[o->n_resources++] = value;
		return 0;
	}
	return 0;
}

/* What is being read; the flags given, for the command to judge. */
struct reader {
	char **argv;
	int argc, i;
	const struct flag *given[64];
	size_t n_given;
};

static const struct flag *find_long(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
		if (strlen(flags[i].name) == len && !strncmp(flags[i].name, name, len))
			return &flags[i];
	return NULL;
}

static const struct flag *find_short(char letter)
{
	for (size_t i = 0; i < ARRAY_LEN(flags); i++)
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
		return output_usage("there is no flag %s; see syncctl help", arg);
	if (equals)
		value = equals + 1;
	else if (!is_long && arg[2])
		value = arg + 2;
	if (f->type == FLAG_BOOL && value)
		return output_usage("--%s takes no value", f->name);
	if (f->type != FLAG_BOOL && !value && r->i + 1 < r->argc)
		value = r->argv[++r->i];
	if (f->type != FLAG_BOOL && !value)
		return output_usage("--%s needs a value", f->name);
	if (r->n_given < ARRAY_LEN(r->given))
		r->given[r->n_given++] = f;
	return set_flag(o, f, value);
}

static int check(const struct reader *r, const struct options *o,
		 const struct command *c)
{
	if (o->help || o->version)
		return 0;
	for (size_t i = 0; i < r->n_given; i++)
		if (!(r->given[i]->bits & c->flags))
			return output_usage("--%s means nothing to '%s'; see syncctl help %s",
					    r->given[i]->name, c->name, c->name);
	if (o->n_args < c->min_args)
		return output_usage("'%s' needs %s", c->name, c->args);
	if (o->n_args > c->max_args)
		return output_usage("'%s' does not take '%s'", c->name,
				    o->args[c->max_args]);
	if (o->all && o->ns)
		return output_usage("-A and -n exclude each other");
	if (o->all && o->n_args)
		return output_usage("-A and a name exclude each other");
	return 0;
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
	*ret_command = find_command(name);
	if (!*ret_command)
		return output_usage("there is no command '%s'; see syncctl help", name);
	return check(&r, o, *ret_command);
}
