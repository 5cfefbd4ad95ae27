/* What host/prim_fs.c and host/fs_tree.c share. */
#ifndef DIXIS_FS_H
#define DIXIS_FS_H

#include "dixis.h"

#include <sys/stat.h>

/* A path without zero bytes: such a path means another file than the one that is shown. */
const char *dx_check_path(lua_State *L, int arg);

/* nil, err of kind "os" for an errno, with err.code and err.path. */
int dx_fail_path(lua_State *L, int code, const char *action, const char *path);

/* Syncs the folder that holds path. 0, or an errno. */
int dx_sync_parent(const char *path);

const char *dx_file_type(mode_t mode);

int dx_fs_remove(lua_State *L);
int dx_fs_copy_tree(lua_State *L);

#endif
