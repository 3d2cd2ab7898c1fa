/* options.h - the table of flags, for what reads, explains and completes them. */
#ifndef SYNCCTL_OPTIONS_H
#define SYNCCTL_OPTIONS_H

#include "syncctl.h"

enum flag_bits {
	F_CLUSTER = 1, F_MANY = 2, F_OUTPUT = 4, F_FILE = 8, F_REVISION = 16,
	F_SYNC = 32, F_WAIT = 64, F_TIMEOUT = 128, F_ALWAYS = 256, F_RENDER = 512,
	F_ASK = 1024, F_TTL = 2048, F_REASON = 4096, F_EVERYTHING = 8192,
	F_SYSTEM = 16384, F_DIFF = 32768, F_LOGS = 65536, F_PAUSE = 131072, F_CONFIRM = 262144,
	F_INSTALL = 524288, F_APPROVE = 1048576, F_SOURCES = 2097152,
	F_ORPHANED = 1 << 22, F_CHECK = 1 << 28, F_BASE = 1 << 29, F_HEAD = 1 << 27,
	F_FORCE = 1 << 23,
	F_EMPTY = 1 << 26,	/* of a flag: its value may be empty */
};

enum flag_type { FLAG_BOOL, FLAG_STR, FLAG_OUTPUT, FLAG_LIST };

struct flag {
	const char *name;
	char letter;
	enum flag_type type;
	size_t offset;
	uint32_t bits;
	const char *value, *help;
};
extern const struct flag flags[];	/* ended by a NULL name */

/* Does the command take it? */
bool flag_fits(const struct flag *f, const struct command *c);
/* What it does there. */
const char *flag_help(const struct flag *f, const struct command *c);

#endif
