/* Hashing for other primitives, see host/prim_digest.c, and the parts of host.digest. */
#ifndef DIXIS_DIGEST_H
#define DIXIS_DIGEST_H

#include <lauxlib.h>
#include <openssl/sha.h>
#include <stddef.h>

/* 64 lower-case hex digits and a zero byte. For the main thread only. */
void dx_sha256_hex(const void *data, size_t size, char out[65]);

/* What host/digest_sign.c adds to the module. */
extern const luaL_Reg dx_sign_functions[];

/* 64 lower-case hex digits, no zero byte. */
void dx_sha256_end(SHA256_CTX *context, char out[64]);

int dx_sha256_file(lua_State *L);
void dx_sha256_file_types(lua_State *L);

#endif
