#include "signedfiles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX 65535

char *signed_file(const char *name, size_t *len)
{
	_cleanup_free_ char *path = xasprintf(SOURCE_DIR "/tests/unit/signed/%s", name);
	char *text = xcalloc(1, FILE_MAX + 1);
	FILE *f = fopen(path, "r");

	if (!f) {
		perror(path);
		abort();
	}
	*len = fread(text, 1, FILE_MAX, f);
	fclose(f);
	return text;
}

void signed_id_of(const char *name, int n, char ret[SIGNED_ID])
{
	size_t len;
	_cleanup_free_ char *ids = signed_file("ids", &len);
	_cleanup_free_ char *begin = xasprintf("%s ", name);
	const char *line = strstr(ids, begin);

	if (!line)
		abort();
	memcpy(ret, line + strlen(begin) + 17 * n, 16);
	ret[16] = '\0';
}
