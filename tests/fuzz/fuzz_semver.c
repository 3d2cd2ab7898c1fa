/* Any bytes as a range and a version: order is antisymmetric, nothing is overrun. */
#include "core/semver.h"

#include "core/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = xstrndup((const char *)data, size);
	char *second = strchr(text, '\n');
	struct semver_range r;
	struct semver a, b;
	bool version;

	if (second)
		*second++ = '\0';
	version = second && !semver_parse(&a, second);
	if (!semver_range_parse(&r, text) && version)
		semver_range_has(&r, &a);
	if (!version || semver_parse(&b, text))
		return 0;
	if ((semver_cmp(&a, &b) > 0) != (semver_cmp(&b, &a) < 0))
		abort();
	return 0;
}
