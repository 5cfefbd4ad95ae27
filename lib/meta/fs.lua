---@meta host.fs
-- Files. All calls are short and do not yield. Failures: nil, err of kind "os" with err.code and err.path.
-- Source: host/prim_fs.c
local fs = {}

--- The whole file, up to `max` bytes (default 64 MiB; a larger one fails with kind "too_large").
--- Follows symlinks. Not a regular file: kind "not_file". With an offset, what comes after so many bytes.
---@param path string
---@param max? integer
---@param offset? integer
---@return string? data
---@return dixis.Error? err
function fs.read(path, max) end

--- Replaces the file as a whole: temporary file beside it, fsync, rename, fsync of the folder.
--- Refuses to write through a symlink (kind "symlink"). mode is for a new file (default 0644).
---@param path string
---@param data string
---@param mode? integer
---@return true? ok
---@return dixis.Error? err
function fs.write(path, data, mode) end

--- Creates the file; fails with err.code "EEXIST" when there is anything of that name.
---@param path string
---@param data string
---@param mode? integer
---@return true? ok
---@return dixis.Error? err
function fs.create(path, data, mode) end

---@class host.fs.Entry
---@field name string
---@field type "file"|"directory"|"link"|"other"

--- Entries without "." and "..", sorted by bytes; type is that of the entry itself (lstat).
---@param path string
---@return host.fs.Entry[]? entries
---@return dixis.Error? err
function fs.list(path) end

---@class host.fs.Stat
---@field type "file"|"directory"|"link"|"other"
---@field size integer  bytes
---@field mtime number  seconds
---@field mode integer  permission bits
---@field uid integer
---@field file string   which file it is, whatever its name: two paths with the same are one

--- Follows symlinks unless `no_follow`.
---@param path string
---@param no_follow? boolean
---@return host.fs.Stat? stat
---@return dixis.Error? err
function fs.stat(path, no_follow) end

--- A number that is another one when the file was written or replaced in between: cheaper than its digest. An
--- equal one is no proof. Follows symlinks.
---@param path string
---@return integer? revision
---@return dixis.Error? err
function fs.revision(path) end

---@param path string
---@return string? absolute  without symlinks
---@return dixis.Error? err
function fs.realpath(path) end

--- Creates the folder and its parents; an existing folder is fine.
---@param path string
---@param mode? integer  default 0755, for all that are created
---@return true? ok
---@return dixis.Error? err
function fs.mkdir(path, mode) end

--- A new private folder (0700) named prefix..random.
---@param prefix string  path and beginning of the name
---@return string? path
---@return dixis.Error? err
function fs.mkdtemp(prefix) end

--- Removes a file, or a folder with all that is in it (200 levels at most); never follows symlinks.
--- Absent is fine. Raises for "/", ".", ".." and "".
---@param path string
---@return true? ok
---@return dixis.Error? err
function fs.remove(path) end

---@param path string
---@param uid integer
---@param gid integer
---@return true? ok
---@return dixis.Error? err
function fs.chown(path, uid, gid) end

---@param from string
---@param to string
---@return true? ok
---@return dixis.Error? err
function fs.rename(from, to) end

--- Copies a folder with all in it (files, folders, links, modes; owner when root), fast. Anything else
--- in it (FIFO, socket, device) fails with err.code "ENOTSUP". A failure leaves no half copy.
---@param from string
---@param to string  must not exist
---@return true? ok
---@return dixis.Error? err
function fs.copy_tree(from, to) end

--- Free bytes for an unprivileged user on the file system of `path`.
---@param path string
---@return integer? bytes
---@return dixis.Error? err
function fs.free_space(path) end

---@return string? path
---@return dixis.Error? err  the folder is gone
function fs.cwd() end

return fs
