/* libcurl, loaded at the first request: relocating it and its TLS costs milliseconds that a run
 * without HTTP should not pay. */
#ifndef DIXIS_LIBCURL_H
#define DIXIS_LIBCURL_H

/* The type checks are macros around the functions' names; they do not work with pointers. */
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#define DX_LIBCURL_FUNCTIONS(X)                                                                    \
  X(curl_easy_cleanup)                                                                             \
  X(curl_easy_getinfo)                                                                             \
  X(curl_easy_init)                                                                                \
  X(curl_easy_perform)                                                                             \
  X(curl_easy_setopt)                                                                              \
  X(curl_easy_strerror)                                                                            \
  X(curl_free)                                                                                     \
  X(curl_global_init)                                                                              \
  X(curl_multi_add_handle)                                                                         \
  X(curl_multi_assign)                                                                             \
  X(curl_multi_cleanup)                                                                            \
  X(curl_multi_info_read)                                                                          \
  X(curl_multi_init)                                                                               \
  X(curl_multi_remove_handle)                                                                      \
  X(curl_multi_setopt)                                                                             \
  X(curl_multi_socket_action)                                                                      \
  X(curl_slist_append)                                                                             \
  X(curl_slist_free_all)                                                                           \
  X(curl_url)                                                                                      \
  X(curl_url_cleanup)                                                                              \
  X(curl_url_get)                                                                                  \
  X(curl_url_set)

struct dx_libcurl {
#define DX_LIBCURL_MEMBER(name) __typeof__(&name) name;
  DX_LIBCURL_FUNCTIONS(DX_LIBCURL_MEMBER)
#undef DX_LIBCURL_MEMBER
};

/* Usable once dx_libcurl_load() has returned NULL. */
extern struct dx_libcurl dx_curl;

/* Loads the library (once). Returns NULL, or one sentence that says what is wrong. */
const char *dx_libcurl_load(void);

/* Frees what OpenSSL keeps for a thread of the pool; to be called there, after a transfer. */
void dx_libcurl_thread_end(void);

#endif
