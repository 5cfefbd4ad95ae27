/* Transfers of libcurl on the host's loop, see host/http_loop.c. */
#ifndef DIXIS_HTTP_H
#define DIXIS_HTTP_H

#include "dixis.h"
#include "libcurl.h"

struct dx_transfer {
  CURL *easy;
  void (*finished)(struct dx_transfer *transfer); /* code is set; not within a call to libcurl */
  CURLcode code;
  bool running;
};

/* Starts it; false when libcurl cannot. */
bool dx_transfer_start(struct dx_transfer *transfer);

/* Takes it back if it still runs; `finished` is not called then. */
void dx_transfer_stop(struct dx_transfer *transfer);

/* Closes what is kept open between requests; the last one, when the state ends. */
void dx_transfers_close(void);

/* ---- host/http_origin.c -------------------------------------------------------------------- */

/* Of a URL, what messages may show, and what decides how the server is spoken to. */
struct dx_origin {
  char text[300]; /* scheme://host:port */
  bool tls;       /* the scheme ends in s */
  bool user;      /* it holds a user, so a password as well */
};

/* What is wrong with the URL, or NULL. `scheme` may also come with an s at its end. */
const char *dx_origin_read(struct dx_origin *origin, const char *url, size_t size,
                           const char *scheme);

bool dx_has_control(const char *text, size_t size);

#endif
