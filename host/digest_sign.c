/* The part of host.digest that signs: Ed25519. Waits: nothing. Fails: a text that is no such key
 * (kind "key"), a machine without libcrypto ("not_found"). Raises: misuse.
 *
 * A key is PEM, or base64 of its PEM or of its DER (PKCS#8, SubjectPublicKeyInfo). What OpenSSL
 * gives is freed before Lua is called again, which may raise. */
#include "dixis.h"

#include "digest.h"
#include "libcrypto.h"

#include <string.h>

enum { key_max = 8192, der_max = 128, pem_max = 512, signature_size = 64, base64_size = 88 };

static const char not_private[] = "it is not an Ed25519 private key without a passphrase";
static const char not_public[] = "it is not an Ed25519 public key";

static bool libcrypto_there(lua_State *L)
{
  const char *fault = dx_libcrypto_load();
  if (fault != NULL) dx_fail(L, "not_found", "%s", fault);
  return fault == NULL;
}

/* The number of bytes, or -1. `out` has room for three quarters of the text. */
static int base64_read(const char *text, size_t size, unsigned char *out)
{
  EVP_ENCODE_CTX *context = dx_crypto.EVP_ENCODE_CTX_new();
  if (context == NULL) return -1;
  int first = 0, rest = 0;
  dx_crypto.EVP_DecodeInit(context);
  bool ok = dx_crypto.EVP_DecodeUpdate(context, out, &first, (const unsigned char *)text,
                                       (int)size) >= 0 &&
            dx_crypto.EVP_DecodeFinal(context, out + first, &rest) == 1;
  dx_crypto.EVP_ENCODE_CTX_free(context);
  return ok ? first + rest : -1;
}

/* A passphrase would be asked for on the terminal. */
static int no_passphrase(char *buffer, int size, int writing, void *ud)
{
  (void)buffer, (void)size, (void)writing, (void)ud;
  return -1;
}

static EVP_PKEY *pem_or_der_read(const void *data, int size, bool private)
{
  static const char begin[] = "-----BEGIN";
  BIO *bio = dx_crypto.BIO_new_mem_buf(data, size);
  if (bio == NULL) return NULL;
  EVP_PKEY *key;
  if ((size_t)size >= sizeof begin && memcmp(data, begin, sizeof begin - 1) == 0) {
    key = private ? dx_crypto.PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL)
                  : dx_crypto.PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL);
  } else {
    key = private ? dx_crypto.d2i_PrivateKey_bio(bio, NULL) : dx_crypto.d2i_PUBKEY_bio(bio, NULL);
  }
  dx_crypto.BIO_free(bio);
  return key;
}

/* NULL when the text is no key of this kind. */
static EVP_PKEY *key_read(const char *text, size_t size, bool private)
{
  while (size > 0 && strchr(" \t\r\n", text[0]) != NULL && text[0] != '\0')
    text++, size--;
  if (size == 0 || size > key_max) return NULL;
  EVP_PKEY *key = NULL;
  if (text[0] == '-') {
    key = pem_or_der_read(text, (int)size, private);
  } else {
    unsigned char decoded[key_max];
    int length = base64_read(text, size, decoded);
    if (length > 0) key = pem_or_der_read(decoded, length, private);
    explicit_bzero(decoded, sizeof decoded);
  }
  if (key != NULL && dx_crypto.EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519) {
    dx_crypto.EVP_PKEY_free(key);
    key = NULL;
  }
  dx_crypto.ERR_clear_error();
  return key;
}

/* The length of the base64 of the key's public part, 0 on failure. */
static size_t public_write(EVP_PKEY *key, char out[der_max])
{
  BIO *bio = dx_crypto.BIO_new(dx_crypto.BIO_s_mem());
  if (bio == NULL) return 0;
  int length = 0;
  if (dx_crypto.i2d_PUBKEY_bio(bio, key) == 1) {
    char *der;
    long size = dx_crypto.BIO_ctrl(bio, BIO_CTRL_INFO, 0, (void *)&der);
    if (size > 0 && size <= der_max / 2)
      length = dx_crypto.EVP_EncodeBlock((unsigned char *)out, (unsigned char *)der, (int)size);
  }
  dx_crypto.BIO_free(bio);
  dx_crypto.ERR_clear_error();
  return (size_t)length;
}

static int sign_public_key(lua_State *L)
{
  size_t size;
  const char *text = luaL_checklstring(L, 1, &size);
  if (!libcrypto_there(L)) return 2;
  EVP_PKEY *key = key_read(text, size, true);
  if (key == NULL) key = key_read(text, size, false);
  if (key == NULL) return dx_fail(L, "key", "it is not an Ed25519 key without a passphrase");
  char out[der_max];
  size_t length = public_write(key, out);
  dx_crypto.EVP_PKEY_free(key);
  if (length == 0) return dx_fail(L, "key", "its public part cannot be had");
  lua_pushlstring(L, out, length);
  return 1;
}

static int sign_new_key(lua_State *L)
{
  if (!libcrypto_there(L)) return 2;
  EVP_PKEY *key = dx_crypto.EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
  BIO *bio = dx_crypto.BIO_new(dx_crypto.BIO_s_mem());
  char text[pem_max];
  long size = 0;
  if (key != NULL && bio != NULL &&
      dx_crypto.PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1) {
    char *pem;
    size = dx_crypto.BIO_ctrl(bio, BIO_CTRL_INFO, 0, (void *)&pem);
    if (size > 0 && size <= pem_max)
      memcpy(text, pem, (size_t)size);
    else
      size = 0;
  }
  dx_crypto.BIO_free(bio);
  dx_crypto.EVP_PKEY_free(key);
  dx_crypto.ERR_clear_error();
  if (size == 0) return dx_fail(L, "key", "OpenSSL makes no Ed25519 key");
  lua_pushlstring(L, text, (size_t)size);
  return 1;
}

static int sign_sign(lua_State *L)
{
  size_t key_size, size;
  const char *text = luaL_checklstring(L, 1, &key_size), *data = luaL_checklstring(L, 2, &size);
  if (!libcrypto_there(L)) return 2;
  EVP_PKEY *key = key_read(text, key_size, true);
  if (key == NULL) return dx_fail(L, "key", not_private);
  unsigned char signature[signature_size];
  size_t length = sizeof signature;
  EVP_MD_CTX *context = dx_crypto.EVP_MD_CTX_new();
  bool ok =
      context != NULL && dx_crypto.EVP_DigestSignInit(context, NULL, NULL, NULL, key) == 1 &&
      dx_crypto.EVP_DigestSign(context, signature, &length, (const unsigned char *)data, size) == 1;
  dx_crypto.EVP_MD_CTX_free(context);
  dx_crypto.EVP_PKEY_free(key);
  dx_crypto.ERR_clear_error();
  if (!ok) return dx_fail(L, "key", "OpenSSL does not sign with it");
  char out[base64_size + 1];
  dx_crypto.EVP_EncodeBlock((unsigned char *)out, signature, (int)length);
  lua_pushlstring(L, out, base64_size);
  return 1;
}

static bool signature_fits(EVP_PKEY *key, const char *data, size_t size, const char *text,
                           size_t text_size)
{
  unsigned char signature[base64_size];
  char again[base64_size + 1];
  if (text_size != base64_size || base64_read(text, text_size, signature) != signature_size)
    return false;
  /* One signature has one text. */
  dx_crypto.EVP_EncodeBlock((unsigned char *)again, signature, signature_size);
  if (memcmp(again, text, base64_size) != 0) return false;
  EVP_MD_CTX *context = dx_crypto.EVP_MD_CTX_new();
  bool ok = context != NULL &&
            dx_crypto.EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
            dx_crypto.EVP_DigestVerify(context, signature, signature_size,
                                       (const unsigned char *)data, size) == 1;
  dx_crypto.EVP_MD_CTX_free(context);
  return ok;
}

static int sign_verify(lua_State *L)
{
  size_t key_size, size, signature_length;
  const char *text = luaL_checklstring(L, 1, &key_size), *data = luaL_checklstring(L, 2, &size);
  const char *signature = luaL_checklstring(L, 3, &signature_length);
  if (!libcrypto_there(L)) return 2;
  EVP_PKEY *key = key_read(text, key_size, false);
  if (key == NULL) return dx_fail(L, "key", not_public);
  bool fits = signature_fits(key, data, size, signature, signature_length);
  dx_crypto.EVP_PKEY_free(key);
  dx_crypto.ERR_clear_error();
  lua_pushboolean(L, fits);
  return 1;
}

const luaL_Reg dx_sign_functions[] = {
    {"new_key", sign_new_key},
    {"public_key", sign_public_key},
    {"sign", sign_sign},
    {"verify", sign_verify},
    {NULL, NULL},
};
