/* Loads libcrypto at first use. */
#include "dixis.h"

#include "libcrypto.h"

#include <dlfcn.h>

struct dx_libcrypto dx_crypto;

static const char *functions_find(void *library)
{
#define FIND(name)                                                                                 \
  dx_crypto.name = (__typeof__(&name))dlsym(library, #name);                                       \
  if (dx_crypto.name == NULL) return "the installed libcrypto lacks " #name;
  DX_LIBCRYPTO_FUNCTIONS(FIND)
#undef FIND
  return NULL;
}

const char *dx_libcrypto_load(void)
{
  static bool loaded;
  if (loaded) return NULL;
  void *library = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return "OpenSSL's libcrypto.so.3 is not installed (Debian: libssl3)";
  const char *fault = functions_find(library);
  if (fault != NULL) {
    dlclose(library);
    return fault;
  }
  loaded = true;
  return NULL;
}
