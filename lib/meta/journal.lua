---@meta host.journal
-- The append-only, hash-chained event file. Source: host/prim_journal.c
--
-- Each line is one JSON object: {"seq":N,"prev":"<64 hex>",<body>}. prev is the SHA-256 of the line
-- before, without its newline; of the first line, 64 zeros. seq starts at 1.
local journal = {}

---@class host.Journal
local Journal = {}

--- Writes one line (write(2), not yet durable). What does not fit is taken back, so the file ends in a
--- whole line; the next append may succeed. After a failed sync every append and sync fails.
---@param body string  the inside of a JSON object, without the braces: '"type":"x","a":1'
---@return integer? seq
---@return string|dixis.Error hash_or_err  the line's hash; on failure kind "journal"
function Journal:append(body) end

--- Waits until all that was appended before the call is on disk (fdatasync on the thread pool).
---@async
---@return true? ok
---@return dixis.Error? err  kind "journal"
function Journal:sync() end

--- Starts such a sync without waiting, so that it overlaps with other work; `sync` then waits for it.
function Journal:sync_start() end

---@return string hash  of the last line
---@return integer seq
function Journal:head() end

function Journal:close() end

--- Creates the file exclusively with mode 0600 (folder must exist), syncs the folder. Reserves
--- nothing; fails with kind "journal" (and err.code) when the folder is missing, unwritable or full.
---@param path string
---@return host.Journal? journal
---@return dixis.Error? err
function journal.create(path) end

--- Iterates over the lines without loading the whole file; stops at the end. A last line without
--- newline (torn by a crash) is given with complete = false. The iterator raises when reading fails.
---@param path string
---@return (fun(): string?, boolean?)? next_line  line, complete
---@return dixis.Error? err  kind "journal"
function journal.lines(path) end

---@class host.journal.Proof
---@field lines integer
---@field head string      hash of the last whole line
---@field torn boolean     the file ends in a line without newline
---@field broken? integer  number of the first line where the chain breaks
---@field why? string      "hash", "sequence", "format"

--- Reads the file and checks the chain: an edited line N shows as a break at N + 1, an edited last line
--- only in `head`. A torn last line is not counted.
---@param path string
---@return host.journal.Proof? proof
---@return dixis.Error? err
function journal.verify(path) end

return journal
