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

#endif
