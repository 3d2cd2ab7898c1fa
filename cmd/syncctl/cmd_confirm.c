/*
 * syncctl confirm APP: shows what waits for approval before it is deleted, asks on a
 * terminal, and writes the approval of exactly that list on the Application. A list
 * that has changed meanwhile has another digest and is not approved. Without a terminal
 * nobody has read it: then -y has to say so.
 */
#include "syncctl.h"

#include <stdio.h>
#include <unistd.h>

static bool agreed(const struct options *o)
{
	char line[16];

	if (o->yes)
		return true;
	if (!isatty(STDIN_FILENO)) {
		fprintf(stderr, "syncctl: there is no terminal to ask on: -y approves this "
			"list\n");
		return false;
	}
	fprintf(stderr, "Delete them? [y/N] ");
	return fgets(line, sizeof(line), stdin) && (line[0] == 'y' || line[0] == 'Y');
}

static int confirm(struct cluster *c, const struct options *o)
{
	struct view_env env = output_env(o);
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_json_ json_t *app = NULL, *patch = NULL;
	struct err err = ERR_INIT;

	app = cluster_get(c, o->args[0], &err);
	if (!app)
		return output_error(&err);
	if (!view_asked(app, &env, &out)) {
		printf("nothing of %s waits for approval\n", o->args[0]);
		return EXIT_DONE;
	}
	if (output_text(&out))
		return EXIT_OTHER;
	fflush(stdout);
	if (o->dry_run)
		return EXIT_DIFFERENCE;
	if (!agreed(o)) {
		fprintf(stderr, "syncctl: nothing was approved\n");
		return EXIT_DIFFERENCE;
	}
	patch = view_approval(app, env.now_ms);
	if (cluster_patch(c, o->args[0], patch, &err))
		return output_error(&err);
	printf("approved: syncd deletes exactly these\n");
	return EXIT_DONE;
}

int cmd_confirm(const struct options *o)
{
	return cluster_run(o, confirm);
}
