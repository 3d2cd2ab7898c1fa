/*
 * unzipped.c - kubectl get secret -o json | unzipped: all that the Secrets hold, and
 * what is deflated in it, to be searched. Fails where there is nothing.
 */
#include <stdio.h>

#include "../sim/unzipped.h"

int main(void)
{
	_cleanup_buf_ struct buf in = BUF_INIT, out = BUF_INIT;
	char piece[65536];
	size_t n;

	while ((n = fread(piece, 1, sizeof(piece), stdin)))
		buf_add(&in, piece, n);
	unzipped(buf_str(&in), in.len, &out);
	fwrite(out.data, 1, out.len, stdout);
	return out.len ? 0 : 1;
}
