/* Loads libcurl at first use. */
#include "dixis.h"

#include "libcurl.h"

#include <dlfcn.h>

struct dx_libcurl dx_curl;

static void (*openssl_thread_stop)(void);

void dx_libcurl_thread_end(void)
{
  if (openssl_thread_stop != NULL) openssl_thread_stop();
}

static const char *functions_find(void *library)
{
#define FIND(name)                                                                                 \
  dx_curl.name = (__typeof__(&name))dlsym(library, #name);                                         \
  if (dx_curl.name == NULL) return "the installed libcurl lacks " #name;
  DX_LIBCURL_FUNCTIONS(FIND)
#undef FIND
  return NULL;
}

const char *dx_libcurl_load(void)
{
  static bool loaded;
  if (loaded) return NULL;
  void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) library = dlopen("libcurl-gnutls.so.4", RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return "libcurl is not installed (Debian: apt-get install libcurl4)";
  const char *fault = functions_find(library);
  if (fault == NULL && dx_curl.curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
    fault = "libcurl does not start";
  }
  if (fault != NULL) {
    dlclose(library);
    return fault;
  }
  /* Of the libcrypto that libcurl is linked with, not of ours. */
  openssl_thread_stop = (void (*)(void))dlsym(library, "OPENSSL_thread_stop");
  loaded = true;
  return NULL;
}
