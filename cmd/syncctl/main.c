/* syncctl: one command per run. */
#include "syncctl.h"

#include <signal.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	const struct command *c;
	struct options o;
	int r;

	signal(SIGPIPE, SIG_IGN);	/* a closed pipe is an error of write() */
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
		return c->run(&o);
	return EXIT_DONE;
}
