/* Loads libpq at first use. */
#include "dixis.h"

#include "libpq.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct dx_libpq dx_pq;

static void (*openssl_thread_stop)(void);

void dx_libpq_thread_end(void)
{
  if (openssl_thread_stop != NULL) openssl_thread_stop();
}

/* PGHOSTADDR, PGSERVICE, PGOPTIONS and others change where a connection goes and what it does
 * there, even when the caller names a host. */
static void environment_wipe(void)
{
  for (char **entry = environ; *entry != NULL;) {
    const char *end = strchr(*entry, '=');
    char name[128];
    size_t length = end == NULL ? 0 : (size_t)(end - *entry);
    if (strncmp(*entry, "PG", 2) != 0 || length == 0 || length >= sizeof name) {
      entry++;
      continue;
    }
    memcpy(name, *entry, length);
    name[length] = '\0';
    unsetenv(name);
    entry = environ;
  }
}

const char *dx_libpq_load(void)
{
  static void *library;
  static char missing[128];
  if (library != NULL) return NULL;
  void *opened = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
  if (opened == NULL) return "PostgreSQL's client library (libpq.so.5) cannot be loaded";
#define DX_LIBPQ_LOOK_UP(name)                                                                     \
  dx_pq.name = (__typeof__(dx_pq.name))dlsym(opened, #name);                                       \
  if (dx_pq.name == NULL) {                                                                        \
    snprintf(missing, sizeof missing, "libpq.so.5 is too old: it has no %s", #name);               \
    dlclose(opened);                                                                               \
    return missing;                                                                                \
  }
  DX_LIBPQ_FUNCTIONS(DX_LIBPQ_LOOK_UP)
#undef DX_LIBPQ_LOOK_UP
  openssl_thread_stop = (__typeof__(openssl_thread_stop))dlsym(opened, "OPENSSL_thread_stop");
  library = opened;
  environment_wipe();
  return NULL;
}
