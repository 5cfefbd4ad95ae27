/* OpenSSL's libcrypto for keys, loaded when one is first used: with keys and their formats in the
 * binary it would be twice as large, and libpq brings the library along. */
#ifndef DIXIS_LIBCRYPTO_H
#define DIXIS_LIBCRYPTO_H

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#define DX_LIBCRYPTO_FUNCTIONS(X)                                                                  \
  X(BIO_ctrl)                                                                                      \
  X(BIO_free)                                                                                      \
  X(BIO_new)                                                                                       \
  X(BIO_new_mem_buf)                                                                               \
  X(BIO_s_mem)                                                                                     \
  X(ERR_clear_error)                                                                               \
  X(EVP_DecodeFinal)                                                                               \
  X(EVP_DecodeInit)                                                                                \
  X(EVP_DecodeUpdate)                                                                              \
  X(EVP_DigestSign)                                                                                \
  X(EVP_DigestSignInit)                                                                            \
  X(EVP_DigestVerify)                                                                              \
  X(EVP_DigestVerifyInit)                                                                          \
  X(EVP_ENCODE_CTX_free)                                                                           \
  X(EVP_ENCODE_CTX_new)                                                                            \
  X(EVP_EncodeBlock)                                                                               \
  X(EVP_MD_CTX_free)                                                                               \
  X(EVP_MD_CTX_new)                                                                                \
  X(EVP_PKEY_Q_keygen)                                                                             \
  X(EVP_PKEY_free)                                                                                 \
  X(EVP_PKEY_get_base_id)                                                                          \
  X(PEM_read_bio_PUBKEY)                                                                           \
  X(PEM_read_bio_PrivateKey)                                                                       \
  X(PEM_write_bio_PrivateKey)                                                                      \
  X(d2i_PUBKEY_bio)                                                                                \
  X(d2i_PrivateKey_bio)                                                                            \
  X(i2d_PUBKEY_bio)

struct dx_libcrypto {
#define DX_LIBCRYPTO_MEMBER(name) __typeof__(&name) name;
  DX_LIBCRYPTO_FUNCTIONS(DX_LIBCRYPTO_MEMBER)
#undef DX_LIBCRYPTO_MEMBER
};

/* Usable once dx_libcrypto_load() has returned NULL. */
extern struct dx_libcrypto dx_crypto;

/* Loads the library (once). Returns NULL, or one sentence that says what is wrong. */
const char *dx_libcrypto_load(void);

#endif
