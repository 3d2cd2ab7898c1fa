/* Replays a folder of inputs through a fuzz target, as an ordinary test. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data;
	long size;

	if (!f)
		return 1;
	fseek(f, 0, SEEK_END);
	size = ftell(f);
	rewind(f);
	data = xmalloc((size_t)size + 1);
	if (fread(data, 1, (size_t)size, f) != (size_t)size)
		abort();
	fclose(f);
	LLVMFuzzerTestOneInput(data, (size_t)size);
	free(data);
	return 0;
}

int main(int argc, char **argv)
{
	struct dirent *e;
	DIR *d = argc > 1 ? opendir(argv[1]) : NULL;
	int n = 0;

	if (!d) {
		fprintf(stderr, "no corpus at %s\n", argc > 1 ? argv[1] : "(none)");
		return 1;
	}
	while ((e = readdir(d))) {
		_cleanup_free_ char *path = NULL;

		if (e->d_name[0] == '.')
			continue;
		path = xasprintf("%s/%s", argv[1], e->d_name);
		if (replay(path))
			return 1;
		n++;
	}
	closedir(d);
	printf("%d inputs replayed\n", n);
	return n ? 0 : 1;
}
