/*
 * The caps of one transfer. The disk is looked at while bytes arrive: libgit2
 * writes packs through a memory map, so a full disk would end in SIGBUS instead
 * of an error.
 */
#include "transport.h"

#include "core/mem.h"

#include <stdio.h>
#include <sys/statvfs.h>
#include <time.h>

#define DEFAULT_MAX_BYTES ((uint64_t)2 << 30)
#define CHECK_EVERY ((uint64_t)1 << 20)

uint64_t transfer_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static int check_disk(struct transfer *t)
{
	struct statvfs fs;
	uint64_t free_bytes;

	if (statvfs(t->folder, &fs))
		return 0;
	free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	/* The index, and the objects that complete a thin pack, come on top. */
	if (free_bytes >= t->limits->disk_reserve + t->received / 4)
		return 0;
	return err_set(&t->err, ERR_IO,
		       "the disk of %s is full (%llu MiB left): give --data-dir more room",
		       t->folder, (unsigned long long)(free_bytes >> 20));
}

int transfer_take(struct transfer *t, uint64_t received_in_all)
{
	uint64_t max = t->request->max_bytes ? t->request->max_bytes :
		       DEFAULT_MAX_BYTES;
	bool first = !t->received;

	if (t->err.code)
		return -1;
	t->received = received_in_all;
	if (t->received > max)
		return err_set(&t->err, ERR_LIMIT,
			       "the fetch is larger than the limit of %llu bytes",
			       (unsigned long long)max);
	if (transfer_now() > t->deadline)
		return err_set(&t->err, ERR_TIMEOUT,
			       "the fetch took longer than %u s",
			       t->limits->total_ms / 1000);
	if (!first && t->received - t->checked < CHECK_EVERY)
		return 0;
	t->checked = t->received;
	return check_disk(t);
}
