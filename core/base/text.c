/*
 * Small conversions that Kubernetes documents need: RFC 3339 times, Go
 * durations, SHA-256, base64. Pure.
 */
#include "core/doc.h"

#include "core/mem.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <time.h>

static void utc(int64_t wall_ms, struct tm *tm)
{
	time_t t = (time_t)(wall_ms / 1000);

	if (wall_ms < 0 && wall_ms % 1000)
		t--;
	gmtime_r(&t, tm);
}

void time_rfc3339(int64_t wall_ms, char out[32])
{
	struct tm tm;

	utc(wall_ms, &tm);
	strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

void time_rfc3339_micro(int64_t wall_ms, char out[40])
{
	char seconds[32];
	struct tm tm;
	int ms = (int)(((wall_ms % 1000) + 1000) % 1000);

	utc(wall_ms, &tm);
	strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out, 40, "%s.%03d000Z", seconds, ms);
}

static int64_t parse_fraction(const char **s)
{
	int64_t ms = 0, scale = 100;

	if (**s != '.')
		return 0;
	for ((*s)++; isdigit((unsigned char)**s); (*s)++) {
		ms += (**s - '0') * scale;
		scale /= 10;
	}
	return ms;
}

static int parse_zone(const char *s, int64_t *offset_s)
{
	int h, m, n = 0;

	if ((*s == 'Z' || *s == 'z') && !s[1]) {
		*offset_s = 0;
		return 0;
	}
	if ((*s != '+' && *s != '-') ||
	    sscanf(s + 1, "%2d:%2d%n", &h, &m, &n) != 2 || s[1 + n])
		return -1;
	*offset_s = (*s == '-' ? -1 : 1) * (h * 3600 + m * 60);
	return 0;
}

int64_t time_parse_rfc3339(const char *s)
{
	struct tm tm = { 0 };
	int64_t ms, offset;
	int n = 0;

	if (!s || sscanf(s, "%4d-%2d-%2d%*1[Tt]%2d:%2d:%2d%n", &tm.tm_year,
			 &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min,
			 &tm.tm_sec, &n) != 6 || !n)
		return -1;
	if (tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 ||
	    tm.tm_mday > 31 || tm.tm_hour > 23 || tm.tm_min > 59 ||
	    tm.tm_sec > 60)
		return -1;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	s += n;
	ms = parse_fraction(&s);
	if (parse_zone(s, &offset))
		return -1;
	return ((int64_t)timegm(&tm) - offset) * 1000 + ms;
}

static int unit_ns(const char *s, size_t *len, double *ns)
{
	static const struct { const char *name; double ns; } units[] = {
		{ "ns", 1 }, { "us", 1e3 }, { "\xc2\xb5s", 1e3 },
		{ "\xce\xbcs", 1e3 }, { "ms", 1e6 }, { "s", 1e9 },
		{ "m", 60e9 }, { "h", 3600e9 },
	};
	size_t n = 0;

	while (s[n] && !isdigit((unsigned char)s[n]) && s[n] != '.')
		n++;
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (strlen(units[i].name) == n && !strncmp(s, units[i].name, n)) {
			*len = n;
			*ns = units[i].ns;
			return 0;
		}
	return -1;
}

int duration_parse(const char *s, uint64_t *ret_ms, struct err *err)
{
	const char *p = s;
	double total = 0;

	if (*p == '+')
		p++;
	if (!strcmp(p, "0")) {
		*ret_ms = 0;
		return 0;
	}
	while (*p) {
		double value, ns;
		size_t len;
		char *end;

		if (!isdigit((unsigned char)*p) && *p != '.')
			break;
		if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X'))
			break;
		value = strtod(p, &end);
		if (end == p || memchr(p, 'e', (size_t)(end - p)) ||
		    unit_ns(end, &len, &ns))
			break;
		total += value * ns;
		p = end + len;
	}
	if (*p || p == s || total > 9.2e18)
		return err_set(err, ERR_INVALID, "\"%.40s\" is not a duration "
			       "(write it like \"90s\", \"5m\" or \"1h30m\")", s);
	*ret_ms = (uint64_t)(total / 1e6);
	return 0;
}

void duration_format(uint64_t ms, char out[32])
{
	uint64_t s = ms / 1000;

	if (ms < 1000)
		snprintf(out, 32, "%ums", (unsigned)ms);
	else if (s < 60)
		snprintf(out, 32, "%us", (unsigned)s);
	else if (s < 3600 && s % 60)
		snprintf(out, 32, "%um%us", (unsigned)(s / 60), (unsigned)(s % 60));
	else if (s < 3600)
		snprintf(out, 32, "%um", (unsigned)(s / 60));
	else if (s < 86400 && s / 60 % 60)
		snprintf(out, 32, "%uh%um", (unsigned)(s / 3600),
			 (unsigned)(s / 60 % 60));
	else if (s < 86400)
		snprintf(out, 32, "%uh", (unsigned)(s / 3600));
	else if (s / 3600 % 24)
		snprintf(out, 32, "%llud%uh", (unsigned long long)(s / 86400),
			 (unsigned)(s / 3600 % 24));
	else
		snprintf(out, 32, "%llud", (unsigned long long)(s / 86400));
}

void sha256_hex(const void *data, size_t len, char out[65])
{
	static const char hex[] = "0123456789abcdef";
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (EVP_Digest(data, len, md, &n, EVP_sha256(), NULL) != 1)
		abort();
	for (unsigned i = 0; i < n; i++) {
		out[2 * i] = hex[md[i] >> 4];
		out[2 * i + 1] = hex[md[i] & 15];
	}
	out[64] = '\0';
}

void b64_encode(const void *data, size_t len, struct buf *out)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *s = data;

	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		unsigned v = (unsigned)s[i] << 16 |
			     (n > 1 ? (unsigned)s[i + 1] << 8 : 0) |
			     (n > 2 ? s[i + 2] : 0);
		char four[4] = { set[v >> 18], set[v >> 12 & 63],
				 n > 1 ? set[v >> 6 & 63] : '=',
				 n > 2 ? set[v & 63] : '=' };

		buf_add(out, four, 4);
	}
}

static int b64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int b64_decode(const char *s, size_t len, struct buf *out)
{
	unsigned v = 0, bits = 0, pad = 0, n = 0;

	for (size_t i = 0; i < len; i++) {
		int x = b64_value(s[i]);

		if (s[i] == '\n' || s[i] == '\r')
			continue;
		n++;
		if (s[i] == '=') {
			pad++;
			continue;
		}
		if (x < 0 || pad)
			return -1;
		v = v << 6 | (unsigned)x;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			buf_addc(out, (char)(v >> bits & 0xff));
		}
	}
	return n % 4 || pad > 2 ? -1 : 0;
}
