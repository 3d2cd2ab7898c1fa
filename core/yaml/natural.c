/*
 * natural.c - the order of a map's keys in what go-yaml writes: letters after all
 * else, runs of digits by their value. Pure; texts are valid UTF-8.
 */
#include "yaml_priv.h"

static bool in_ranges(uint32_t r, const struct unicode_range *ranges, size_t n)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (r > ranges[mid].to)
			low = mid + 1;
		else if (r < ranges[mid].from)
			high = mid;
		else
			return true;
	}
	return false;
}

static bool is_letter(uint32_t r)
{
	if (r < 0x80)
		return (r | 32) >= 'a' && (r | 32) <= 'z';
	return in_ranges(r, unicode_letters, n_unicode_letters);
}

static bool is_digit(uint32_t r)
{
	if (r < 0x80)
		return r >= '0' && r <= '9';
	return in_ranges(r, unicode_digits, n_unicode_digits);
}

static bool is_inner(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* The rune at *s, which moves behind it. */
static uint32_t next_rune(const char **s, const char *end)
{
	unsigned char c = (unsigned char)*(*s)++;
	uint32_t r = c < 0x80 ? c : c < 0xe0 ? c & 0x1f : c < 0xf0 ? c & 0xf : c & 7;

	while (*s < end && is_inner(**s))
		r = r << 6 | ((unsigned char)*(*s)++ & 0x3f);
	return r;
}

/* Is there a digit but 0 among the digits that end before s? */
static bool after_number(const char *from, const char *s)
{
	while (s > from) {
		const char *p = s - 1, *q;
		uint32_t r;

		while (p > from && is_inner(*p))
			p--;
		q = p;
		r = next_rune(&q, s);
		if (!is_digit(r))
			return false;
		if (r != '0')
			return true;
		s = p;
	}
	return false;
}

/* Reads digits into *value, which overflows as an int64 does in Go; their count. */
static size_t read_number(const char *s, const char *end, int64_t *value)
{
	uint64_t v = (uint64_t)*value;
	size_t n = 0;

	while (s < end) {
		uint32_t r = next_rune(&s, end);

		if (!is_digit(r))
			break;
		v = v * 10 + (uint64_t)((int64_t)r - '0');
		n++;
	}
	*value = (int64_t)v;
	return n;
}

/* The first rune that differs begins at a and b; before: where a's text begins. */
static bool less_at(const char *before, const char *a, const char *a_end,
		    const char *b, const char *b_end)
{
	const char *p = a, *q = b;
	uint32_t ar = next_rune(&p, a_end), br = next_rune(&q, b_end);
	bool al = is_letter(ar), bl = is_letter(br);
	int64_t an = 0, bn = 0;
	size_t a_len, b_len;

	if (al && bl)
		return ar < br;
	if (al || bl)
		return bl;
	if ((ar == '0' || br == '0') && after_number(before, a))
		an = bn = 1;
	a_len = read_number(a, a_end, &an);
	b_len = read_number(b, b_end, &bn);
	if (an != bn)
		return an < bn;
	return a_len != b_len ? a_len < b_len : ar < br;
}

bool key_less(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t min = a_len < b_len ? a_len : b_len, i = 0;

	while (i < min && a[i] == b[i])
		i++;
	if (i == min)
		return a_len < b_len;
	while (i && (is_inner(a[i]) || is_inner(b[i])))
		i--;
	return less_at(a, a + i, a + a_len, b + i, b + b_len);
}
