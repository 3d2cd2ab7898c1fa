/* Frames from a worker, in pieces of every size, and the errors inside. */
#include <stdint.h>
#include <stdlib.h>

#include "core/frame.h"

#define CAP 4096

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	const char *p = (const char *)bytes, *data;
	struct err err = ERR_INIT;
	size_t len, used;
	char type;

	while (size) {
		int whole = frame_read(p, size, CAP, &type, &data, &len, &used,
				       &err);

		if (whole != 1)
			break;
		if (len > CAP || used != len + 5 || used > size ||
		    data != p + 5)
			abort();
		/* One byte less is never enough. */
		if (frame_read(p, used - 1, CAP, &type, &data, &len, &used,
			       &err) != 0)
			abort();
		used = len + 5;
		if (type == FRAME_ERROR) {
			struct err e = ERR_INIT;

			frame_error_decode(data, len, &e);
			if (e.code == ERR_NONE || e.code >= ERR_CODE_N)
				abort();
		}
		p += used;
		size -= used;
	}
	return 0;
}
