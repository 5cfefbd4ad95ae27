---@meta host.sql
-- PostgreSQL's own parser (libpg_query, version 15). Pure computing: no call yields.
-- Deep scripts are parsed on a thread with a large stack. Source: host/prim_sql.c, host/sql_*.c
local sql = {}

--- A script's statements, split by the parser. Ranges are bytes, 1-based, without leading white
--- space and comments and without the semicolon: text:sub(first, last) is the statement itself.
--- line and column are those of `first` (column in characters).
---@class host.sql.Statement
---@field first integer
---@field last integer
---@field line integer
---@field column integer
---@field node string     name of its parse tree's top node, "CreateStmt", "IndexStmt", ...
---@field tree string     the node's fields as JSON text, '{"relation":{...},...}' (decode only when needed); each
---   "location" in it is a byte offset in the script, from 0, and left out where it is 0

--- A script of more than `size` bytes is parsed in pieces of about that size, so that memory grows with its statements
--- and not with their trees: most of these are parsed anew when they are asked for, which is fast in order. What comes
--- out is the same with every size.
--- Failure: kind "syntax" with err.position (1-based byte offset), err.line, err.column, message of the parser;
--- kind "too_large" over 64 MiB, a million statements or 256 MiB of one statement's tree, and where a statement nests
--- absurdly deep.
---@param text string
---@param size? integer  512 KiB
---@return host.sql.Statement[]? statements
---@return dixis.Error? err
function sql.parse(text, size) end

--- The same fingerprint for statements that differ only in literals.
---@param text string
---@return string? hex
---@return dixis.Error? err  kind "syntax"
function sql.fingerprint(text) end

--- The script with literals replaced by $1, $2, ...: what may be shown or journalled of DML.
---@param text string
---@return string? normalised
---@return dixis.Error? err  kind "syntax"
function sql.normalise(text) end

--- The tree of a DO block's body, or of a function's in PL/pgSQL, as JSON text: [{"PLpgSQL_function":{...}}, ...].
--- The SQL in it is text in "query". Nothing is looked up: names of types and tables may be anything.
---@param text string  one DO or CREATE FUNCTION statement
---@return string? json
---@return dixis.Error? err  kind "syntax"
function sql.parse_plpgsql(text) end

--- A statement's `tree` as tables: faster than a JSON decoder. Whole numbers are integers. Failure: kind "too_large",
--- where the tree nests absurdly deep. Nodes of names, { String = { sval = "x" } }, are shared: a tree is only read.
---@param json string
---@param names? table  those of earlier calls, to share them with
---@return any tree
---@return dixis.Error? err
function sql.tree(json, names) end

---@param name string
---@return string  the identifier, quoted when it needs to be
function sql.quote_identifier(name) end

---@param value string
---@return string  'literal', with doubled quotes (and E'' for backslashes)
function sql.quote_literal(value) end

return sql
