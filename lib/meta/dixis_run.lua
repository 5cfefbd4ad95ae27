---@meta
-- What code in a runbook is given. Source: lib/dixis/capabilities.lua

--- The target. Parameters are $1, $2, ...; NULL is nil.
---@class dixis.run.Database
local Database = {}

--- Runs one statement; the number of rows that it touched.
---@param sql string
---@param ... any
---@return integer affected
function Database:exec(sql, ...) end

--- All rows; rows[1].name and rows[1][1] are the same.
---@param sql string
---@param ... any
---@return table[]
function Database:query(sql, ...) end

--- The first row, or nil.
---@param sql string
---@param ... any
---@return table?
function Database:row(sql, ...) end

--- The first column of the first row.
---@param sql string
---@param ... any
---@return any
function Database:value(sql, ...) end

--- Rows one at a time, for results that do not fit into memory.
---@param sql string
---@param ... any
---@return fun(): table?
function Database:rows(sql, ...) end

--- Calls fn in a transaction: committed when it returns, rolled back when it raises.
---@generic T
---@param fn fun(): T
---@return T
function Database:transaction(fn) end

--- Files below the folders that uses.read and uses.write name.
---@class dixis.run.File
local File = {}

---@param path string
---@return string
function File:read(path) end

--- As a whole, or not at all.
---@param path string
---@param data string
function File:write(path, data) end

---@param path string
---@return boolean
function File:exists(path) end

---@class dixis.run.Clock
---@field now fun(): number                      monotonic seconds
---@field wall fun(): number                     seconds since 1970
---@field iso fun(seconds?: number, is_local?: boolean): string
---@field sleep fun(seconds: number)

---@class dixis.run.Target
---@field database string
---@field host string
---@field port string
---@field user string
---@field server_version string
---@field major integer
---@field system_identifier? string
---@field database_oid integer
---@field replica boolean
---@field superuser boolean
---@field environment? string  the stamp
---@field tls boolean

---@class dixis.run.Command
---@field [integer] string    program and arguments
---@field env? string[]       names of declared variables
---@field cwd? string
---@field input? string
---@field timeout? number
---@field check? boolean      false: a code other than 0 does not raise

---@class dixis.run.Request
---@field url string
---@field method? string
---@field headers? table<string, string>
---@field body? string
---@field timeout? number
---@field max_body? integer

---@class dixis.run
---@field id string
---@field db dixis.run.Database
---@field file dixis.run.File
---@field clock dixis.run.Clock
---@field options table<string, any>
---@field results table<string, table>  what earlier steps left, by name
---@field target dixis.run.Target       once it was reached
---@field exec fun(command: dixis.run.Command): { code?: integer, signal?: string, stdout: string, stderr: string }
---@field http fun(request: string|dixis.run.Request): { status: integer, headers: table, body: string, seconds: number }
---@field env fun(name: string): string?
---@field confirm fun(phrase: string, about?: string): string
---@field timer fun(): (fun(): number)
---@field log fun(text: any)             a line in the record
---@field progress fun(text: any)        what is going on; not kept
---@field skip fun(reason: string)       ends the item as skipped
