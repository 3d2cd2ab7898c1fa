/* kust.c - a build's beginning and end. */
#include "kust_priv.h"
#include "schema.h"

void kust_init(struct kust *k, struct files *files, const struct kust_options *o)
{
	*k = (struct kust){ .files = files, .o = o, .warn = o->warn,
			    .warn_arg = o->warn_arg };
}

void kust_deinit(struct kust *k)
{
	for (size_t i = 0; i < k->all_maps.len; i++)
		kmap_free(k->all_maps.data[i]);
	for (size_t i = 0; i < k->all_res.len; i++)
		kres_free(k->all_res.data[i]);
	vec_deinit(&k->all_maps);
	vec_deinit(&k->all_res);
	ktexts_deinit(k);
	kregexes_free(k);
	kschema_free(k);
	arena_deinit(&k->arena);
}

void kust_warn(struct kust *k, const char *fmt, ...)
{
	struct err text;
	va_list ap;

	if (!k->warn)
		return;
	va_start(ap, fmt);
	err_vset(&text, ERR_INVALID, fmt, ap);	/* for its bounded text */
	va_end(ap);
	k->warn(k->warn_arg, text.msg);
}
