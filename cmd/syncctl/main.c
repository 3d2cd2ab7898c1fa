/* syncctl: one command per run. */
#include "syncctl.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const char *called = "syncctl";

const char *program_name(void)
{
	return called;
}

/* What was done is done: only its words are lost. */
static int flushed(int status)
{
	if (!fflush(stdout) || errno == EPIPE)
		return status;
	fprintf(stderr, "syncctl: standard output: %s\n", strerror(errno));
	return status ? status : EXIT_OTHER;
}

int main(int argc, char **argv)
{
	const char *slash = argc ? strrchr(argv[0], '/') : NULL;
	const struct command *c;
	struct options o;
	int r;

	if (argc && !strcmp(slash ? slash + 1 : argv[0], "kubectl-sync"))
		called = "kubectl sync";
	signal(SIGPIPE, SIG_IGN);	/* a closed pipe is an error of write() */
	signal(SIGCHLD, SIG_DFL);	/* whoever starts us may ignore it: nothing could be awaited */
	doc_init();
	r = options_parse(&o, &c, argc, argv);
	if (r)
		return r;
	if (o.version)
		return cmd_version(&o);
	if (o.help && c)
		command_help(c, stdout);
	else if (o.help)
		usage(stdout);
	else
		return flushed(c->run(&o));
	return flushed(EXIT_DONE);
}
