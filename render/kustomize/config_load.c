/*
 * config_load.c - field specs that people write: the files of `configurations`
 * (builtinconfig/loaddefaultconfig.go), decoded strictly.
 */
#include "config.h"
#include "table.h"

static const struct kfield nameref_fields[] = {
	TEXT(knameref, "group", gvk.group),
	TEXT(knameref, "version", gvk.version),
	TEXT(knameref, "kind", gvk.kind),
	LIST(knameref, "fieldSpecs", referrers, &kfieldspec_type),
	END,
};
static const struct ktype nameref_type = { "an entry of nameReference",
					   sizeof(struct knameref), nameref_fields, 0 };

#define SPECS(name, member) LIST(kconfig, name, member, &kfieldspec_type)
static const struct kfield config_fields[] = {
	SPECS("namePrefix", name_prefix),
	SPECS("nameSuffix", name_suffix),
	SPECS("namespace", namespace),
	SPECS("commonLabels", common_labels),
	SPECS("labels", labels),
	SPECS("templateLabels", template_labels),
	SPECS("commonAnnotations", common_annotations),
	LIST(kconfig, "nameReference", name_reference, &nameref_type),
	SPECS("varReference", var_reference),
	SPECS("images", images),
	SPECS("replicas", replicas),
	END,
};
static const struct ktype config_type = { "a file of configurations",
					  sizeof(struct kconfig), config_fields, 0 };

static int load_one(struct kust *k, const struct kfolder *folder, const char *path,
		    struct kconfig *into, struct err *err)
{
	const char *text, *file;
	struct kconfig c;
	struct node *n;
	size_t len;

	if (kload_file(k, folder, path, &text, &len, &file, err) < 0 ||
	    kread_first(k, file, text, len, true, &n, err) < 0 ||
	    kdecode(k, &config_type, file, n, true, &c, err) < 0)
		return -1;
	kconfig_own(&c);
	kconfig_sort(&c);
	if (kconfig_merge(k, into, &c, err) < 0)
		return err_wrap(err, "%s", file);
	return 0;
}

int kconfig_load(struct kust *k, const struct kfolder *folder,
		 const struct kstrings *paths, struct kconfig *ret, struct err *err)
{
	struct kconfig all = { 0 };

	for (size_t i = 0; i < paths->len; i++) {
		if (load_one(k, folder, paths->data[i], &all, err) < 0)
			return err_wrap(err, "%s: configurations", folder->file);
	}
	kconfig_default(ret);
	if (kconfig_merge(k, ret, &all, err) < 0)
		return err_wrap(err, "%s: configurations", folder->file);
	return 0;
}
