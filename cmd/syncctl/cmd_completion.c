/*
 * syncctl completion SHELL and syncctl man [COMMAND]: both written from the tables of
 * commands and flags that --help shows, so that none can tell something else.
 */
#include "options.h"

#include "core/mem.h"

#include <stdio.h>

/* ---- what there is to choose from ---- */

static void words_of(const struct command *c, struct buf *out)
{
	for (const struct flag *f = flags; f->name; f++)
		if (flag_fits(f, c))
			buf_addf(out, "%s--%s", out->len ? " " : "", f->name);
}

static void command_words(struct buf *out)
{
	for (const struct command *c = commands; c->name; c++)
		buf_addf(out, "%s ", c->name);
	buf_adds(out, "help");
}

/* Of -o those that the flag's help names. */
static void format_words(const struct flag *f, const struct command *c, struct buf *out)
{
	static const char *const formats[] = { "table", "wide", "json", "yaml", "name", "unified",
		"sarif", "github" };

	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		if (strstr(flag_help(f, c), formats[i]))
			buf_addf(out, "%s%s", out->len ? " " : "", formats[i]);
}

static bool is_file(const char *what)
{
	return strstr(what, "FILE") || strstr(what, "PATH") || strstr(what, "ROOT");
}

static bool is_app(const struct command *c)
{
	return strstr(c->args, "APP");
}

/* An argument that is one of a few words; false: it is none. */
static bool argument_words(const struct command *c, struct buf *out)
{
	if (strstr(c->args, "SHELL"))
		buf_adds(out, "bash zsh fish");
	else if (strstr(c->args, "PART"))
		buf_adds(out, "all crds rbac deployment");
	else if (strstr(c->args, "COMMAND"))
		command_words(out);
	return out->len;
}

/* ---- shells ---- */

/* The names of Applications, from the cluster; quietly none without one. */
#define APPS "2>/dev/null | sed 's,.*/,,'"

/* Flags that take a value, a blank on each side. */
static void bash_takes(struct buf *out)
{
	buf_adds(out, "\tlocal takes=' ");
	for (const struct flag *f = flags; f->name; f++) {
		if (f->type == FLAG_BOOL)
			continue;
		if (f->letter)
			buf_addf(out, "-%c ", f->letter);
		buf_addf(out, "--%s ", f->name);
	}
	buf_adds(out, "'\n");
}

static void bash_command(const struct command *c, struct buf *out)
{
	_cleanup_buf_ struct buf words = BUF_INIT, choice = BUF_INIT;

	for (const struct flag *f = flags; f->name; f++) {
		_cleanup_buf_ struct buf formats = BUF_INIT;

		if (f->type != FLAG_OUTPUT || !flag_fits(f, c))
			continue;
		format_words(f, c, &formats);
		buf_addf(out, "\t%s:-%c | %s:--%s) words='%s' ;;\n", c->name, f->letter, c->name,
			 f->name, buf_str(&formats));
	}
	words_of(c, &words);
	buf_addf(out, "\t%s:) words='%s'", c->name, buf_str(&words));
	if (is_app(c))
		buf_adds(out, "\n\t\t[[ $cur == -* || $n != 0 ]] || words=$(syncctl list \"${where[@]}\" "
			 "-o name " APPS ")\n\t\t[[ $cur == -* || $n == 0 ]] || words=");
	else if (argument_words(c, &choice))
		buf_addf(out, "\n\t\t[[ $cur == -* ]] || words='%s'", buf_str(&choice));
	buf_adds(out, " ;;\n");
}

static void bash(struct buf *out)
{
	buf_adds(out, "# bash completion of syncctl: source <(syncctl completion bash)\n"
		 "_syncctl() {\n"
		 "\tlocal cur=${COMP_WORDS[COMP_CWORD]} command= word awaits= n=0 words= list where=()\n");
	bash_takes(out);
	buf_adds(out, "\tCOMPREPLY=()\n\t[[ $cur != = ]] || cur=\n"
		 "\tfor word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
		 "\t\t[[ $word != = ]] || continue\n"
		 "\t\tcase $awaits in\n"
		 "\t\t-n | --namespace | --context | --kubeconfig) where+=(\"$awaits\" \"$word\") ;;\n"
		 "\t\tesac\n"
		 "\t\tif [[ $awaits ]]; then awaits=\n"
		 "\t\telif [[ $word == -* ]]; then [[ $takes != *\" $word \"* ]] || awaits=$word\n"
		 "\t\telif [[ ! $command ]]; then command=$word\n"
		 "\t\telse n=$((n + 1)); fi\n"
		 "\tdone\n"
		 "\tcase $command:$awaits in\n\t: | help:) words='");
	command_words(out);
	buf_adds(out, "' ;;\n\t*:--context) words=$(kubectl config get-contexts -o name 2>/dev/null) ;;\n");
	for (const struct command *c = commands; c->name; c++)
		bash_command(c, out);
	/* no word is looked into: a name is what a cluster says */
	buf_adds(out, "\tesac\n\tread -r -d '' -a list <<<\"$words\"\n"
		 "\tfor word in \"${list[@]}\"; do\n"
		 "\t\t[[ $word != \"$cur\"* ]] || COMPREPLY+=(\"$word\")\n\tdone\n}\n"
		 "complete -o default -F _syncctl syncctl\n");
}

/* Within single quotes of a shell. */
static void quoted(const char *s, struct buf *out)
{
	for (; *s; s++) {
		if (*s == '\'')
			buf_adds(out, "'\\''");	/* out, a quote, in again */
		else
			buf_addc(out, *s);
	}
}

/* Of zsh, which takes some for its own: : and, where it explains a flag, brackets. */
static void escaped(const char *s, const char *own, struct buf *out)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	for (; *s; s++) {
		if (strchr(own, *s))
			buf_addc(&b, '\\');
		buf_addc(&b, *s);
	}
	quoted(buf_str(&b), out);
}

static void zsh_flag(const struct flag *f, const struct command *c, bool letter,
		     struct buf *out)
{
	_cleanup_buf_ struct buf formats = BUF_INIT;

	buf_addf(out, " \\\n\t\t\t'%s", f->type == FLAG_LIST ? "*" : "");
	if (letter)
		buf_addf(out, "-%c[", f->letter);
	else
		buf_addf(out, "--%s%s[", f->name, *f->value ? "=" : "");
	escaped(flag_help(f, c), "[]:", out);
	buf_addf(out, "]%s", *f->value ? ":" : "");
	escaped(f->value, ":", out);
	if (f->type == FLAG_OUTPUT) {
		format_words(f, c, &formats);
		buf_addf(out, ":(%s)", buf_str(&formats));
	} else if (is_file(f->value)) {
		buf_adds(out, ":_files");
	}
	buf_addc(out, '\'');
}

static void zsh(struct buf *out)
{
	buf_adds(out, "#compdef syncctl\n# zsh completion of syncctl: syncctl completion zsh > "
		 "\"${fpath[1]}/_syncctl\"\n_syncctl() {\n\tlocal -a commands apps\n"
		 "\tcommands=(\n");
	for (const struct command *c = commands; c->name; c++) {
		buf_addf(out, "\t\t'%s:", c->name);
		escaped(c->summary, "[]:", out);
		buf_adds(out, "'\n");
	}
	buf_adds(out, "\t)\n\tif (( CURRENT == 2 )); then\n"
		 "\t\t_describe command commands\n\t\treturn\n\tfi\n"
		 "\tcase $words[2] in\n");
	for (const struct command *c = commands; c->name; c++) {
		_cleanup_buf_ struct buf choice = BUF_INIT;

		buf_addf(out, "\t%s)\n\t\t_arguments", c->name);
		for (const struct flag *f = flags; f->name; f++) {
			if (!flag_fits(f, c))
				continue;
			if (f->letter)
				zsh_flag(f, c, true, out);
			zsh_flag(f, c, false, out);
		}
		if (is_app(c))
			buf_adds(out, " \\\n\t\t\t'2:application:($(" "syncctl list -o name "
				 "2>/dev/null | sed s,.\\*/,,))'");
		else if (argument_words(c, &choice))
			buf_addf(out, " \\\n\t\t\t'2:word:(%s)'", buf_str(&choice));
		else if (is_file(c->args))
			buf_adds(out, " \\\n\t\t\t'*:file:_files'");
		buf_adds(out, "\n\t\t;;\n");
	}
	buf_adds(out, "\tesac\n}\n[[ $funcstack[1] == _syncctl ]] && _syncctl \"$@\" || "
		 "compdef _syncctl syncctl\n");
}

static void fish_flag(const struct flag *f, const struct command *c, struct buf *out)
{
	_cleanup_buf_ struct buf formats = BUF_INIT;

	buf_addf(out, "complete -c syncctl -n '__fish_seen_subcommand_from %s' -l %s", c->name,
		 f->name);
	if (f->letter)
		buf_addf(out, " -s %c", f->letter);
	if (f->type == FLAG_OUTPUT) {
		format_words(f, c, &formats);
		buf_addf(out, " -x -a '%s'", buf_str(&formats));
	} else if (*f->value) {
		buf_adds(out, is_file(f->value) ? " -r -F" : " -x");
	}
	buf_adds(out, " -d '");
	quoted(flag_help(f, c), out);
	buf_adds(out, "'\n");
}

static void fish(struct buf *out)
{
	buf_adds(out, "# fish completion of syncctl: syncctl completion fish | source\n"
		 "complete -c syncctl -f\n");
	for (const struct command *c = commands; c->name; c++) {
		_cleanup_buf_ struct buf choice = BUF_INIT;

		buf_addf(out, "complete -c syncctl -n __fish_use_subcommand -a %s -d '", c->name);
		quoted(c->summary, out);
		buf_adds(out, "'\n");
		if (is_app(c))
			buf_addf(out, "complete -c syncctl -n '__fish_seen_subcommand_from %s' "
				 "-a \"(syncctl list -o name " APPS ")\"\n", c->name);
		else if (argument_words(c, &choice))
			buf_addf(out, "complete -c syncctl -n '__fish_seen_subcommand_from %s' -a '%s'\n",
				 c->name, buf_str(&choice));
		else if (is_file(c->args))
			buf_addf(out, "complete -c syncctl -n '__fish_seen_subcommand_from %s' -F\n",
				 c->name);
		for (const struct flag *f = flags; f->name; f++)
			if (flag_fits(f, c))
				fish_flag(f, c, out);
	}
}

int cmd_completion(const struct options *o)
{
	static const struct { const char *shell; void (*write)(struct buf *out); } shells[] = {
		{ "bash", bash }, { "zsh", zsh }, { "fish", fish },
	};
	_cleanup_buf_ struct buf out = BUF_INIT;

	for (size_t i = 0; i < ARRAY_LEN(shells); i++)
		if (!strcmp(o->args[0], shells[i].shell)) {
			shells[i].write(&out);
			return output_text(&out);
		}
	return output_usage("completion is there for bash, zsh and fish, not for '%s'",
			    o->args[0]);
}

/* ---- manual pages ---- */

/* A line that begins with a dot or a quote would be a request. */
static void roff(const char *s, struct buf *out)
{
	if (*s == '.' || *s == '\'')
		buf_adds(out, "\\&");
	for (; *s; s++) {
		if (*s == '\\' || *s == '-')
			buf_addc(out, '\\');
		buf_addc(out, *s);
	}
}

static void heading(const char *name, const char *summary, struct buf *out)
{
	buf_addf(out, ".TH %s 1 \"\" \"syncctl " SYNCD_VERSION "\" \"syncd\"\n.SH NAME\n", name);
	roff(name, out);
	buf_adds(out, " \\- ");
	roff(summary, out);
	buf_adds(out, "\n.SH SYNOPSIS\n");
}

static void man_flags(const struct command *c, struct buf *out)
{
	buf_adds(out, ".SH OPTIONS\n");
	for (const struct flag *f = flags; f->name; f++) {
		if (!flag_fits(f, c))
			continue;
		buf_adds(out, ".TP\n");
		if (f->letter)
			buf_addf(out, "\\fB\\-%c\\fR, ", f->letter);
		buf_adds(out, "\\fB\\-\\-");
		roff(f->name, out);
		buf_addf(out, "\\fR \\fI%s\\fR\n", f->value);
		roff(flag_help(f, c), out);
		buf_addc(out, '\n');
	}
}

static void man_command(const struct command *c, struct buf *out)
{
	_cleanup_free_ char *name = xasprintf("syncctl-%s", c->name);

	heading(name, c->summary, out);
	buf_addf(out, "\\fBsyncctl %s\\fR ", c->name);
	roff(c->args, out);
	buf_adds(out, " [\\fIFLAGS\\fR]\n");
	if (command_also(c)) {
		buf_addf(out, ".br\n\\fBsyncctl %s\\fR ", c->name);
		roff(command_also(c), out);
		buf_adds(out, " [\\fIFLAGS\\fR]\n");
	}
	man_flags(c, out);
	buf_adds(out, ".SH SEE ALSO\n\\fBsyncctl\\fR(1)\n");
}

static void man_all(struct buf *out)
{
	heading("syncctl", "tells how applications are and asks syncd to sync them", out);
	buf_adds(out, "\\fBsyncctl\\fR \\fICOMMAND\\fR [\\fIARGUMENT\\fR] [\\fIFLAGS\\fR]\n"
		 ".SH DESCRIPTION\nIt talks to the Kubernetes API with your kubeconfig and your "
		 "rights; there is no\nserver to log in to. Called as \\fBkubectl\\-sync\\fR it is a "
		 "plugin: \\fBkubectl sync\\fR.\n.SH COMMANDS\n");
	for (const struct command *c = commands; c->name; c++) {
		buf_addf(out, ".TP\n\\fB%s\\fR ", c->name);
		roff(c->args, out);
		buf_addc(out, '\n');
		roff(c->summary, out);
		buf_addc(out, '\n');
	}
	buf_adds(out, ".SH EXIT STATUS\n0 done, 1 a difference or failure, 2 wrong usage, 20 any "
		 "other error.\n.SH ENVIRONMENT\n.TP\n\\fBKUBECONFIG\\fR\nas kubectl reads it.\n"
		 ".TP\n\\fBUSER\\fR\nwho is said to have asked, pinned or suspended.\n"
		 ".TP\n\\fBNO_COLOR\\fR\nno colours, whatever it is set to.\n");
}

int cmd_man(const struct options *o)
{
	const struct command *c = o->n_args ? command_find(o->args[0]) : NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;

	if (o->n_args && !c)
		return output_usage("there is no command '%s'", o->args[0]);
	if (c)
		man_command(c, &out);
	else
		man_all(&out);
	return output_text(&out);
}
