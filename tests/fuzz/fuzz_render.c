/* Any bytes as a manifest: rendered whole, or refused with a message. */
#include <stdint.h>

#include "render/render.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_bodies(const struct render_answer *a)
{
	for (size_t i = 0; i < a->n_objects; i++) {
		struct err err = ERR_INIT;
		char *body;
		size_t len;

		if (render_answer_body(a, i, &body, &len, &err) || body[0] != '{' ||
		    strlen(body) != len || !*a->objects[i].name)
			abort();
		free(body);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct render_request r = { .install_id = (char[]){ "i" },
				    .app_id = (char[]){ "app" } };
	struct render_answer a;
	struct err err = ERR_INIT;

	if (render_text("fuzz", (const char *)data, size, &r, &a, &err)) {
		if (!err.msg[0])
			abort();
		return 0;
	}
	check_bodies(&a);
	render_answer_deinit(&a);
	return 0;
}
