/* host.digest: SHA-256, random identifiers, comparing; signatures are in digest_sign.c. Waits:
 * sha256_file (digest_file.c). Fails: sha256_file (kind "os"). Raises: misuse, and a kernel without
 * random numbers.
 *
 * The plain SHA256_* functions of libcrypto: EVP sets up providers first, which costs more than all
 * of the start-up beside it. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "dixis.h"

#include "digest.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define SHA256_TYPE "dixis.sha256"

enum { hash_size = 32, hex_size = 64, random_max = 64 };

int luaopen_host_digest(lua_State *L);

static void hex_write(const unsigned char *bytes, size_t size, char *out)
{
  static const char digits[] = "0123456789abcdef";
  for (size_t i = 0; i < size; i++) {
    *out++ = digits[bytes[i] >> 4];
    *out++ = digits[bytes[i] & 15];
  }
}

void dx_sha256_end(SHA256_CTX *context, char out[64])
{
  unsigned char hash[hash_size];
  SHA256_Final(hash, context);
  hex_write(hash, sizeof hash, out);
}

void dx_sha256_hex(const void *data, size_t size, char out[65])
{
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, data, size);
  dx_sha256_end(&context, out);
  out[hex_size] = '\0';
}

static int digest_sha256(lua_State *L)
{
  size_t size;
  const char *data = luaL_checklstring(L, 1, &size);
  char hex[hex_size + 1];
  dx_sha256_hex(data, size, hex);
  lua_pushlstring(L, hex, hex_size);
  return 1;
}

/* ---- Hashing piece by piece ---------------------------------------------------------------- */

struct hasher {
  SHA256_CTX context;
  bool taken;
};

static int hasher_close(lua_State *L)
{
  struct hasher *hasher = luaL_checkudata(L, 1, SHA256_TYPE);
  hasher->taken = true;
  return 0;
}

static struct hasher *check_hasher(lua_State *L)
{
  struct hasher *hasher = luaL_checkudata(L, 1, SHA256_TYPE);
  if (hasher->taken) luaL_error(L, "the hash was already taken");
  return hasher;
}

static int hasher_update(lua_State *L)
{
  struct hasher *hasher = check_hasher(L);
  size_t size;
  const char *data = luaL_checklstring(L, 2, &size);
  SHA256_Update(&hasher->context, data, size);
  lua_settop(L, 1);
  return 1;
}

static int hasher_hex(lua_State *L)
{
  struct hasher *hasher = check_hasher(L);
  char hex[hex_size];
  dx_sha256_end(&hasher->context, hex);
  hasher->taken = true;
  lua_pushlstring(L, hex, hex_size);
  return 1;
}

static int digest_sha256_new(lua_State *L)
{
  struct hasher *hasher = lua_newuserdatauv(L, sizeof *hasher, 0);
  hasher->taken = false;
  SHA256_Init(&hasher->context);
  luaL_setmetatable(L, SHA256_TYPE);
  return 1;
}

/* ---- Random -------------------------------------------------------------------------------- */

static void random_fill(lua_State *L, unsigned char *bytes, int size)
{
  if (getrandom(bytes, (size_t)size, 0) != size)
    luaL_error(L, "the kernel gives no random numbers");
}

static int digest_random_hex(lua_State *L)
{
  lua_Integer size = luaL_checkinteger(L, 1);
  luaL_argcheck(L, size >= 1 && size <= random_max, 1, "1 to 64 bytes");
  unsigned char bytes[random_max];
  char hex[random_max * 2];
  random_fill(L, bytes, (int)size);
  hex_write(bytes, (size_t)size, hex);
  lua_pushlstring(L, hex, (size_t)size * 2);
  return 1;
}

static int digest_uuid(lua_State *L)
{
  unsigned char bytes[16];
  char hex[32];
  random_fill(L, bytes, sizeof bytes);
  bytes[6] = (unsigned char)((bytes[6] & 0x0f) | 0x40); /* version 4 */
  bytes[8] = (unsigned char)((bytes[8] & 0x3f) | 0x80); /* variant of RFC 4122 */
  hex_write(bytes, sizeof bytes, hex);
  char text[37];
  int size = snprintf(text, sizeof text, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
                      hex + 16, hex + 20);
  lua_pushlstring(L, text, (size_t)size);
  return 1;
}

/* ---- Text ---------------------------------------------------------------------------------- */

static int digest_base64(lua_State *L)
{
  size_t size;
  const char *data = luaL_checklstring(L, 1, &size);
  luaL_argcheck(L, size <= INT_MAX / 2, 1, "too large");
  luaL_Buffer buffer;
  /* 4 for 3, and a zero byte that EVP_EncodeBlock adds */
  char *out = luaL_buffinitsize(L, &buffer, (size + 2) / 3 * 4 + 1);
  int written = EVP_EncodeBlock((unsigned char *)out, (const unsigned char *)data, (int)size);
  luaL_pushresultsize(&buffer, (size_t)written);
  return 1;
}

static int digest_equal(lua_State *L)
{
  size_t a_size, b_size;
  const char *a = luaL_checklstring(L, 1, &a_size), *b = luaL_checklstring(L, 2, &b_size);
  lua_pushboolean(L, a_size == b_size && CRYPTO_memcmp(a, b, a_size) == 0);
  return 1;
}

int luaopen_host_digest(lua_State *L)
{
  static const luaL_Reg methods[] = {
      {"update", hasher_update},
      {"hex", hasher_hex},
      {NULL, NULL},
  };
  dx_handle_type(L, SHA256_TYPE, methods, hasher_close);
  dx_sha256_file_types(L);
  static const luaL_Reg functions[] = {
      {"sha256", digest_sha256},       {"sha256_new", digest_sha256_new},
      {"sha256_file", dx_sha256_file}, {"random_hex", digest_random_hex},
      {"uuid", digest_uuid},           {"base64", digest_base64},
      {"equal", digest_equal},         {NULL, NULL},
  };
  luaL_newlib(L, functions);
  luaL_setfuncs(L, dx_sign_functions, 0);
  return 1;
}
