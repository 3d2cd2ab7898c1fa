/* Tables: the only place that lays out columns. */
#include "views.h"

#include "core/mem.h"

#include <stdarg.h>

#define GAP 3
#define NARROWEST 8	/* the last column is never cut below this */
#define WORDS 30	/* with less room than this, what does not fit has its own line */
#define INDENT 4

static void push(struct view_table *t, enum view_colour colour, const char *text)
{
	struct buf clean = BUF_INIT;

	view_clean(&clean, text && text[0] ? text : "-");
	vec_push(&t->cells, ((struct view_cell){ buf_steal(&clean, NULL), colour }));
}

void view_table_init(struct view_table *t, ...)
{
	const char *name;
	va_list ap;

	memset(t, 0, sizeof(*t));
	va_start(ap, t);
	for (; (name = va_arg(ap, const char *)); t->columns++)
		push(t, VIEW_BOLD, name);
	va_end(ap);
}

void view_table_add(struct view_table *t, enum view_colour colour,
		    const char *text)
{
	push(t, colour, text);
}

static size_t *measure(const struct view_table *t)
{
	size_t *widths = xcalloc(t->columns, sizeof(*widths));

	for (size_t i = 0; i < t->cells.len; i++) {
		size_t w = view_width(t->cells.data[i].text);

		if (w > widths[i % t->columns])
			widths[i % t->columns] = w;
	}
	return widths;
}

/* What is left for the last column; SIZE_MAX when nothing limits it. */
static size_t last_room(const struct view_table *t, const size_t *widths,
			const struct view_env *env)
{
	size_t used = 0;

	if (!env->width)
		return SIZE_MAX;
	for (size_t i = 0; i + 1 < t->columns; i++)
		used += widths[i] + GAP;
	return env->width > used + NARROWEST ? env->width - used : NARROWEST;
}

/* Words cut to a syllable tell nothing, and the last column is what one looks for. */
static bool print_below(const char *text, size_t room, const struct view_env *env,
			struct buf *out)
{
	if (room >= WORDS || view_width(text) <= room || env->width <= WORDS)
		return false;
	while (out->len && out->data[out->len - 1] == ' ')
		out->data[--out->len] = '\0';
	buf_addf(out, "\n%*s", INDENT, "");
	view_cut(out, text, env->width - INDENT);
	return true;
}

static void print_row(const struct view_cell *row, const struct view_table *t,
		      const size_t *widths, size_t room,
		      const struct view_env *env, struct buf *out)
{
	for (size_t i = 0; i < t->columns; i++) {
		_cleanup_buf_ struct buf text = BUF_INIT;
		bool last = i + 1 == t->columns;

		if (last && print_below(row[i].text, room, env, out))
			break;
		view_cut(&text, row[i].text, last ? room : SIZE_MAX);
		view_coloured(out, env, row[i].colour, buf_str(&text));
		for (size_t w = view_width(row[i].text); !last &&
		     w < widths[i] + GAP; w++)
			buf_addc(out, ' ');
	}
	buf_addc(out, '\n');
}

void view_table_print(const struct view_table *t, const struct view_env *env,
		      struct buf *out)
{
	_cleanup_free_ size_t *widths = measure(t);
	size_t room = last_room(t, widths, env);

	for (size_t i = 0; i + t->columns <= t->cells.len; i += t->columns)
		print_row(&t->cells.data[i], t, widths, room, env, out);
}

void view_table_deinit(struct view_table *t)
{
	for (size_t i = 0; i < t->cells.len; i++)
		free(t->cells.data[i].text);
	vec_deinit(&t->cells);
}
