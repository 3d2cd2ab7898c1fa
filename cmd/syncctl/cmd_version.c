/* syncctl version */
#include "syncctl.h"

int cmd_version(const struct options *o)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	if (output_is_data(o))
		return output_value(json_pack("{ss}", "version", SYNCD_VERSION),
				    o->output);
	buf_addf(&out, "syncctl %s\n", SYNCD_VERSION);
	return output_text(&out);
}
