---@meta
-- The criteria of runbooks. What they mean: docs/runbooks.md. Source: lib/dixis/check/

---@class dixis.check.command: dixis.ItemFields
---@field argv? dixis.Text[]    program and arguments; may also be given as the list itself
---@field env? string[]         variables that the program is given, beside PATH and HOME
---@field cwd? dixis.Text       its working directory
---@field code? integer         the expected exit code
---@field contains? dixis.Text  text that its output must hold
---@field [integer] dixis.Text

--- A program of the project's own ends as it should.
---@param given dixis.check.command
---@return dixis.Check
function dixis.check.command(given) end

---@class dixis.check.custom: dixis.ItemFields
---@field name string
---@field holds fun(run: dixis.run): boolean, string?  whether it is green, and a note

--- A statement about the world of your own.
---@param given dixis.check.custom
---@return dixis.Check
function dixis.check.custom(given) end

---@class dixis.check.http: dixis.ItemFields
---@field url dixis.Text
---@field status? integer
---@field contains? dixis.Text      text that the body must hold
---@field matches? dixis.Text       a Lua pattern that the body must match
---@field json? table<string, any>  values of the body as JSON, by their paths
---@field headers? table<string, dixis.Text>
---@field within? dixis.Duration    how long to go on trying
---@field interval? dixis.Duration  how long to wait in between

--- An address answers as it should.
---@param given dixis.Text|dixis.check.http
---@return dixis.Check
function dixis.check.http(given) end

---@class dixis.check.latency: dixis.ItemFields
---@field queries? table<string, string>  chosen queries, timed before and after
---@field times? integer           how often each is run; the median counts
---@field factor? number|dixis.Ref how many times slower is still right
---@field slack? dixis.Duration    a difference below this is none
---@field limit? dixis.Duration    how long one query may take
---@field statements? dixis.Flag   compare pg_stat_statements too, where it is there
---@field calls? integer           calls that a query of pg_stat_statements needs to be compared

--- Queries are not slower after the change than before it.
---@param given dixis.check.latency
---@return dixis.Check
function dixis.check.latency(given) end

---@class dixis.check.log: dixis.ItemFields
---@field files? dixis.Text[]     log files; may also be given as the list itself
---@field patterns? string[]      Lua patterns of lines that are errors
---@field ignore? string[]        Lua patterns of lines that are none all the same
---@field allowed? integer        how many errors are still right
---@field max_size? integer       bytes of new lines to read of one file
---@field [integer] dixis.Text

--- The application's log files hold no error from since the run began.
---@param given dixis.Text|dixis.check.log
---@return dixis.Check
function dixis.check.log(given) end

--- Every migration of the folder is recorded as applied.
---@param given? dixis.ItemFields
---@return dixis.Check
function dixis.check.migrations_applied(given) end

--- The record holds no failure.
---@param given? dixis.ItemFields
---@return dixis.Check
function dixis.check.no_errors(given) end

---@class dixis.check.recorded: dixis.ItemFields
---@field migration? dixis.Text  name of a migration
---@field upto? dixis.Text       instead: all migrations up to this one
---@field as? dixis.Text         "rolled_back" or "applied"

--- The ledger says what was to be recorded.
---@param given dixis.check.recorded
---@return dixis.Check
function dixis.check.recorded(given) end

--- Whoever connects to the target's name meets the restored database.
---@param given? dixis.ItemFields
---@return dixis.Check
function dixis.check.restored(given) end

--- Nothing is pending, nothing half-finished.
---@param given? dixis.ItemFields
---@return dixis.Check
function dixis.check.schema_up_to_date(given) end

--- step.validate found no red difference.
---@param given? dixis.ItemFields
---@return dixis.Check
function dixis.check.schema_valid(given) end

---@class dixis.check.sound: dixis.ItemFields
---@field aspect "applies"|"again"|"schema"|"faults"

--- What step.diagnose found, asked from one side.
---@param given "applies"|"again"|"schema"|"faults"|dixis.check.sound
---@return dixis.Check
function dixis.check.sound(given) end

---@class dixis.check.sql: dixis.ItemFields
---@field name string
---@field query string          gives one value
---@field equals? any           the expected value; true when nothing else is expected
---@field differs? any          a value that it must not be
---@field at_least? any         the smallest number that is right
---@field at_most? any          the largest number that is right
---@field matches? string       a Lua pattern that its text must match
---@field rows? integer         how many rows the query gives

--- A query's single value is as it should be.
---@param given dixis.check.sql
---@return dixis.Check
function dixis.check.sql(given) end
