/* Hashing for other primitives, see host/prim_digest.c. */
#ifndef DIXIS_DIGEST_H
#define DIXIS_DIGEST_H

#include <stddef.h>

/* 64 lower-case hex digits and a zero byte. For the main thread only. */
void dx_sha256_hex(const void *data, size_t size, char out[65]);

#endif
