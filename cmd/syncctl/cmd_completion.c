/*
 * syncctl completion SHELL and syncctl man [COMMAND]: both written from the tables of
 * commands and flags that --help shows, so that none can tell something else.
 */
#include "options.h"

#include "core/mem.h"

#include <stdio.h>

static void words_of(const struct command *c, struct buf *out)
{
	for (const struct flag *f = flags; f->name; f++)
		if (flag_fits(f, c))
			buf_addf(out, "%s--%s", out->len ? " " : "", f->name);
}

/* The names of Applications, from the cluster; quietly none without one. */
#define APPS "syncctl list -o name 2>/dev/null | sed 's,.*/,,'"

static void bash(struct buf *out)
{
	buf_adds(out, "# bash completion of syncctl: source <(syncctl completion bash)\n"
		 "_syncctl() {\n"
		 "\tlocal cur=${COMP_WORDS[COMP_CWORD]} command= word words=\n"
		 "\tfor word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
		 "\t\t[[ $word == -* ]] || { command=$word; break; }\n"
		 "\tdone\n\tcase $command in\n\t'') words='");
	for (const struct command *c = commands; c->name; c++)
		buf_addf(out, "%s%s", c == commands ? "" : " ", c->name);
	buf_adds(out, " help' ;;\n");
	for (const struct command *c = commands; c->name; c++) {
		_cleanup_buf_ struct buf words = BUF_INIT;

		words_of(c, &words);
		buf_addf(out, "\t%s) words='%s'", c->name, buf_str(&words));
		if (strstr(c->args, "APP"))
			buf_adds(out, "\n\t\t[[ $cur == -* ]] || words=$(" APPS ")");
		buf_adds(out, " ;;\n");
	}
	buf_adds(out, "\tesac\n\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\n"
		 "complete -o default -F _syncctl syncctl\n");
}

/* Within single quotes of a shell. */
static void quoted(const char *s, struct buf *out)
{
	for (; *s; s++) {
		if (*s == '\'')
			buf_adds(out, "'\\'");
		buf_addc(out, *s);
		if (*s == '\'')
			buf_addc(out, '\'');
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
		buf_addf(out, "\t%s)\n\t\t_arguments", c->name);
		for (const struct flag *f = flags; f->name; f++) {
			if (!flag_fits(f, c))
				continue;
			buf_addf(out, " \\\n\t\t\t'%s--%s%s[", f->type == FLAG_LIST ? "*" : "",
				 f->name, *f->value ? "=" : "");
			escaped(flag_help(f, c), "[]:", out);
			buf_addf(out, "]%s", *f->value ? ":" : "");
			escaped(f->value, ":", out);
			buf_addc(out, '\'');
		}
		if (strstr(c->args, "APP"))
			buf_adds(out, " \\\n\t\t\t'2:application:($(" "syncctl list -o name "
				 "2>/dev/null | sed s,.\\*/,,))'");
		else if (*c->args)
			buf_adds(out, " \\\n\t\t\t'*:file:_files'");
		buf_adds(out, "\n\t\t;;\n");
	}
	buf_adds(out, "\tesac\n}\n[[ $funcstack[1] == _syncctl ]] && _syncctl \"$@\" || "
		 "compdef _syncctl syncctl\n");
}

static void fish(struct buf *out)
{
	buf_adds(out, "# fish completion of syncctl: syncctl completion fish | source\n"
		 "complete -c syncctl -f\n");
	for (const struct command *c = commands; c->name; c++) {
		buf_addf(out, "complete -c syncctl -n __fish_use_subcommand -a %s -d '", c->name);
		quoted(c->summary, out);
		buf_adds(out, "'\n");
		if (strstr(c->args, "APP"))
			buf_addf(out, "complete -c syncctl -n '__fish_seen_subcommand_from %s' "
				 "-a \"(syncctl list -o name 2>/dev/null | sed 's,.*/,,')\"\n",
				 c->name);
		for (const struct flag *f = flags; f->name; f++) {
			if (!flag_fits(f, c))
				continue;
			buf_addf(out, "complete -c syncctl -n '__fish_seen_subcommand_from %s' "
				 "-l %s", c->name, f->name);
			if (f->letter)
				buf_addf(out, " -s %c", f->letter);
			buf_addf(out, "%s -d '", *f->value ? " -r" : "");
			quoted(flag_help(f, c), out);
			buf_adds(out, "'\n");
		}
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
