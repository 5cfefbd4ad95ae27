/* host.fs: files. Waits: nothing. Fails: kind "os" with code and path, "not_file", "too_large",
 * "symlink". Raises: misuse only. Whole folders are in host/fs_tree.c. */
#include "dixis.h"

#include "fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define GUARD_TYPE "dixis.fs.guard"

static const lua_Integer read_max = (lua_Integer)64 << 20;

int luaopen_host_fs(lua_State *L);

/* What a call holds while it builds Lua values: an allocation that fails jumps over our cleanup,
 * and the collector closes it then. */
struct guard {
  int fd;
  struct dirent **entries;
  int count;
};

static int guard_close(lua_State *L)
{
  struct guard *guard = luaL_checkudata(L, 1, GUARD_TYPE);
  if (guard->fd >= 0) close(guard->fd);
  for (int i = 0; i < guard->count; i++)
    free(guard->entries[i]);
  free(guard->entries);
  *guard = (struct guard){.fd = -1};
  return 0;
}

static struct guard *guard_new(lua_State *L)
{
  struct guard *guard = lua_newuserdatauv(L, sizeof *guard, 0);
  *guard = (struct guard){.fd = -1};
  luaL_setmetatable(L, GUARD_TYPE);
  lua_toclose(L, -1);
  return guard;
}

const char *dx_check_path(lua_State *L, int arg)
{
  size_t size;
  const char *path = luaL_checklstring(L, arg, &size);
  luaL_argcheck(L, strlen(path) == size, arg, "the path has a zero byte");
  return path;
}

static int fail_kind(lua_State *L, const char *kind, const char *path, const char *what)
{
  dx_fail(L, kind, "%s %s", path, what);
  dx_field(L, "path", path);
  return 2;
}

int dx_fail_path(lua_State *L, int code, const char *action, const char *path)
{
  dx_fail(L, "os", "%s %s: %s", action, path, uv_strerror(-code));
  dx_field(L, "code", uv_err_name(-code));
  dx_field(L, "path", path);
  return 2;
}

static int succeed(lua_State *L)
{
  lua_pushboolean(L, 1);
  return 1;
}

const char *dx_file_type(mode_t mode)
{
  if (S_ISREG(mode)) return "file";
  if (S_ISDIR(mode)) return "directory";
  return S_ISLNK(mode) ? "link" : "other";
}

static mode_t opt_mode(lua_State *L, int arg, mode_t fallback)
{
  lua_Integer mode = luaL_optinteger(L, arg, fallback);
  luaL_argcheck(L, mode >= 0 && mode <= 07777, arg, "mode out of range");
  return (mode_t)mode;
}

/* ---- Reading ------------------------------------------------------------------------------- */

/* Not by the size alone: files of /proc have none, and a file may grow meanwhile. */
static int read_all(lua_State *L, int fd, size_t expected, size_t max, const char *path)
{
  luaL_Buffer buffer;
  luaL_buffinit(L, &buffer);
  size_t size = 0, room = expected + 1;
  for (;;) {
    if (room > max + 1 - size) room = max + 1 - size;
    char *block = luaL_prepbuffsize(&buffer, room);
    ssize_t got = read(fd, block, room);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return dx_fail_path(L, errno, "read", path);
    if (got == 0) break;
    luaL_addsize(&buffer, (size_t)got);
    size += (size_t)got;
    if (size == expected && (size_t)got < room) break; /* asked for more, and there was none */
    if (size > max) return fail_kind(L, "too_large", path, "is larger than it may be");
    room = room > (size_t)got ? room - (size_t)got : 65536;
  }
  luaL_pushresult(&buffer);
  return 1;
}

static int fs_read(lua_State *L)
{
  const char *path = dx_check_path(L, 1);
  lua_Integer max = luaL_optinteger(L, 2, read_max);
  luaL_argcheck(L, max >= 0, 2, "negative size");
  lua_Integer offset = luaL_optinteger(L, 3, 0);
  luaL_argcheck(L, offset >= 0, 3, "negative offset");
  struct guard *guard = guard_new(L);
  guard->fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC); /* a FIFO must not wait */
  if (guard->fd < 0 && errno != ENXIO) return dx_fail_path(L, errno, "open", path);
  struct stat info;
  if (guard->fd < 0) return fail_kind(L, "not_file", path, "is not a regular file");
  if (fstat(guard->fd, &info) != 0) return dx_fail_path(L, errno, "stat", path);
  if (!S_ISREG(info.st_mode)) {
    fail_kind(L, "not_file", path, "is not a regular file");
    if (S_ISDIR(info.st_mode)) dx_field(L, "code", "EISDIR");
    return 2;
  }
  lua_Integer expected = info.st_size > offset ? info.st_size - offset : 0;
  if (expected > max) return fail_kind(L, "too_large", path, "is larger than it may be");
  if (offset > 0 && lseek(guard->fd, offset, SEEK_SET) < 0) {
    return dx_fail_path(L, errno, "seek in", path);
  }
  return read_all(L, guard->fd, (size_t)expected, (size_t)max, path);
}

/* strcmp, not the locale: the order of migrations must be the same everywhere. */
static int by_bytes(const struct dirent **a, const struct dirent **b)
{
  return strcmp((*a)->d_name, (*b)->d_name);
}

static int without_dots(const struct dirent *entry)
{
  return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static const char *entry_type(const char *folder, const struct dirent *entry)
{
  switch (entry->d_type) {
  case DT_REG:
    return "file";
  case DT_DIR:
    return "directory";
  case DT_LNK:
    return "link";
  case DT_UNKNOWN:
    break;
  default:
    return "other";
  }
  char path[PATH_MAX];
  struct stat info;
  int size = snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
  if (size >= (int)sizeof path || lstat(path, &info) != 0) return "other";
  return dx_file_type(info.st_mode);
}

static int fs_list(lua_State *L)
{
  const char *path = dx_check_path(L, 1);
  struct guard *guard = guard_new(L);
  int count = scandir(path, &guard->entries, without_dots, by_bytes);
  if (count < 0) return dx_fail_path(L, errno, "list", path);
  guard->count = count;
  lua_createtable(L, count, 0);
  for (int i = 0; i < count; i++) {
    lua_createtable(L, 0, 2);
    dx_field(L, "name", guard->entries[i]->d_name);
    dx_field(L, "type", entry_type(path, guard->entries[i]));
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

static int fs_stat(lua_State *L)
{
  const char *path = dx_check_path(L, 1);
  struct stat info;
  int result = lua_toboolean(L, 2) ? lstat(path, &info) : stat(path, &info);
  if (result != 0) return dx_fail_path(L, errno, "stat", path);
  lua_createtable(L, 0, 6);
  dx_field(L, "type", dx_file_type(info.st_mode));
  lua_pushfstring(L, "%I:%I", (lua_Integer)info.st_dev, (lua_Integer)info.st_ino);
  lua_setfield(L, -2, "file");
  dx_field_int(L, "size", info.st_size);
  dx_field_int(L, "mode", info.st_mode & 07777);
  dx_field_int(L, "uid", info.st_uid);
  lua_pushnumber(L, (lua_Number)info.st_mtim.tv_sec + (lua_Number)info.st_mtim.tv_nsec / 1e9);
  lua_setfield(L, -2, "mtime");
  return 1;
}

/* One number of all that changes when a file is written or replaced. */
static int fs_revision(lua_State *L)
{
  const char *path = dx_check_path(L, 1);
  struct stat info;
  if (stat(path, &info) != 0) return dx_fail_path(L, errno, "stat", path);
  const uint64_t parts[] = {
      info.st_dev,
      info.st_ino,
      (uint64_t)info.st_size,
      info.st_mode,
      (uint64_t)info.st_mtim.tv_sec,
      (uint64_t)info.st_mtim.tv_nsec,
      (uint64_t)info.st_ctim.tv_sec,
      (uint64_t)info.st_ctim.tv_nsec,
  };
  uint64_t hash = 0;
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    hash = (hash ^ parts[i]) * 0x9e3779b97f4a7c15U; /* odd, so that no bit is lost */
    hash ^= hash >> 29;
  }
  lua_pushinteger(L, (lua_Integer)hash);
  return 1;
}

static int fs_realpath(lua_State *L)
{
  const char *path = dx_check_path(L, 1);
  char absolute[PATH_MAX];
  if (realpath(path, absolute) == NULL) return dx_fail_path(L, errno, "resolve", path);
  lua_pushstring(L, absolute);
  return 1;
}

static int fs_cwd(lua_State *L)
{
  char path[PATH_MAX];
  if (getcwd(path, sizeof path) == NULL) return dx_fail_path(L, errno, "find", ".");
  lua_pushstring(L, path);
  return 1;
}

static int fs_free_space(lua_State *L)
{
  const char *path = dx_check_path(L, 1);
  struct statvfs info;
  if (statvfs(path, &info) != 0) return dx_fail_path(L, errno, "look at", path);
  lua_pushinteger(L, (lua_Integer)(info.f_bavail * info.f_frsize));
  return 1;
}

/* ---- Writing ------------------------------------------------------------------------------- */

static int write_all(int fd, const char *data, size_t size)
{
  for (size_t done = 0; done < size;) {
    ssize_t written = write(fd, data + done, size - done);
    if (written < 0 && errno != EINTR) return errno;
    if (written > 0) done += (size_t)written;
  }
  return 0;
}

int dx_sync_parent(const char *path)
{
  char parent[PATH_MAX];
  const char *slash = strrchr(path, '/');
  size_t size = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
  if (size >= sizeof parent) return ENAMETOOLONG;
  memcpy(parent, path, size);
  parent[size] = '\0';
  int fd = open(size > 0 ? parent : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno;
  int code = fsync(fd) != 0 ? errno : 0;
  close(fd);
  return code == EINVAL ? 0 : code; /* some network file systems cannot sync a folder */
}

/* Writes data to a file that did not exist; leaves none behind when that fails. like: a file whose
 * mode and owner it takes, or NULL. */
static int file_make(const char *path, const char *data, size_t size, mode_t mode,
                     const struct stat *like)
{
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, like ? 0600 : mode);
  if (fd < 0) return errno;
  int code = write_all(fd, data, size);
  if (code == 0 && like != NULL) {
    bool foreign = like->st_uid != geteuid() || like->st_gid != getegid();
    if (foreign && geteuid() == 0 && fchown(fd, like->st_uid, like->st_gid) != 0) code = errno;
    if (code == 0 && fchmod(fd, like->st_mode & 07777) != 0) code = errno;
  }
  if (code == 0 && fsync(fd) != 0) code = errno;
  if (close(fd) != 0 && code == 0) code = errno;
  if (code != 0) unlink(path);
  return code;
}

static int fs_create(lua_State *L)
{
  const char *path = dx_check_path(L, 1);
  size_t size;
  const char *data = luaL_checklstring(L, 2, &size);
  int code = file_make(path, data, size, opt_mode(L, 3, 0644), NULL);
  if (code != 0) return dx_fail_path(L, code, "create", path);
  code = dx_sync_parent(path);
  return code != 0 ? dx_fail_path(L, code, "sync the folder of", path) : succeed(L);
}

static int temporary_name(char out[PATH_MAX], const char *path)
{
  uint64_t random;
  if (getrandom(&random, sizeof random, 0) != sizeof random) return errno;
  int size = snprintf(out, PATH_MAX, "%s.%016llx.tmp", path, (unsigned long long)random);
  return size < PATH_MAX ? 0 : ENAMETOOLONG;
}

static int fs_write(lua_State *L)
{
  const char *path = dx_check_path(L, 1);
  size_t size;
  const char *data = luaL_checklstring(L, 2, &size);
  mode_t mode = opt_mode(L, 3, 0644);
  struct stat info;
  bool exists = lstat(path, &info) == 0;
  if (!exists && errno != ENOENT) return dx_fail_path(L, errno, "write", path);
  if (exists && S_ISLNK(info.st_mode)) {
    return fail_kind(L, "symlink", path, "is a symbolic link; it is not written through");
  }
  if (exists && S_ISDIR(info.st_mode)) return dx_fail_path(L, EISDIR, "write", path);
  if (exists && !S_ISREG(info.st_mode)) {
    return fail_kind(L, "not_file", path, "is not a regular file");
  }
  char temporary[PATH_MAX];
  int code = temporary_name(temporary, path);
  if (code == 0) code = file_make(temporary, data, size, mode, exists ? &info : NULL);
  if (code == 0 && rename(temporary, path) != 0) {
    code = errno;
    unlink(temporary);
  }
  if (code == 0) code = dx_sync_parent(path);
  return code != 0 ? dx_fail_path(L, code, "write", path) : succeed(L);
}

/* ---- Names --------------------------------------------------------------------------------- */

static int make_folder(const char *path, mode_t mode)
{
  struct stat info;
  if (mkdir(path, mode) == 0) return 0;
  int code = errno;
  if (code != EEXIST && code != EROFS && code != EACCES && code != EPERM) return code;
  if (stat(path, &info) != 0) return code;
  return S_ISDIR(info.st_mode) ? 0 : ENOTDIR;
}

static int fs_mkdir(lua_State *L)
{
  const char *path = dx_check_path(L, 1);
  mode_t mode = opt_mode(L, 2, 0755);
  char part[PATH_MAX];
  size_t size = strlen(path);
  if (size >= sizeof part) return dx_fail_path(L, ENAMETOOLONG, "create folder", path);
  if (size == 0) return dx_fail_path(L, ENOENT, "create folder", path);
  for (size_t i = 1; i <= size; i++) {
    if (path[i] != '/' && path[i] != '\0') continue;
    memcpy(part, path, i);
    part[i] = '\0';
    int code = make_folder(part, mode);
    if (code != 0) return dx_fail_path(L, code, "create folder", part);
  }
  return succeed(L);
}

static int fs_mkdtemp(lua_State *L)
{
  const char *prefix = dx_check_path(L, 1);
  char path[PATH_MAX];
  if (snprintf(path, sizeof path, "%sXXXXXX", prefix) >= (int)sizeof path) {
    return dx_fail_path(L, ENAMETOOLONG, "create folder", prefix);
  }
  if (mkdtemp(path) == NULL) return dx_fail_path(L, errno, "create folder", prefix);
  lua_pushstring(L, path);
  return 1;
}

static int fs_chown(lua_State *L)
{
  const char *path = dx_check_path(L, 1);
  lua_Integer uid = luaL_checkinteger(L, 2), gid = luaL_checkinteger(L, 3);
  luaL_argcheck(L, uid >= 0 && uid < UINT_MAX, 2, "user id out of range");
  luaL_argcheck(L, gid >= 0 && gid < UINT_MAX, 3, "group id out of range");
  if (chown(path, (uid_t)uid, (gid_t)gid) != 0) return dx_fail_path(L, errno, "chown", path);
  return succeed(L);
}

static int fs_rename(lua_State *L)
{
  const char *from = dx_check_path(L, 1), *to = dx_check_path(L, 2);
  if (rename(from, to) != 0) {
    int code = errno;
    dx_fail(L, "os", "rename %s to %s: %s", from, to, uv_strerror(-code));
    dx_field(L, "code", uv_err_name(-code));
    dx_field(L, "path", from);
    return 2;
  }
  return succeed(L);
}

int luaopen_host_fs(lua_State *L)
{
  static const luaL_Reg none[] = {{NULL, NULL}};
  dx_handle_type(L, GUARD_TYPE, none, guard_close);
  static const luaL_Reg functions[] = {
      {"read", fs_read},
      {"write", fs_write},
      {"create", fs_create},
      {"list", fs_list},
      {"stat", fs_stat},
      {"revision", fs_revision},
      {"realpath", fs_realpath},
      {"mkdir", fs_mkdir},
      {"mkdtemp", fs_mkdtemp},
      {"remove", dx_fs_remove},
      {"chown", fs_chown},
      {"rename", fs_rename},
      {"copy_tree", dx_fs_copy_tree},
      {"free_space", fs_free_space},
      {"cwd", fs_cwd},
      {NULL, NULL},
  };
  luaL_newlib(L, functions);
  return 1;
}
