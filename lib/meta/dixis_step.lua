---@meta
-- The steps of runbooks. What they mean: docs/runbooks.md. Source: lib/dixis/step/

---@class dixis.step.adopt: dixis.StepFields
---@field upto dixis.Text       the last migration to record as applied

--- Makes the ledger of a database that has none, and records the first migrations as applied.
---@param given dixis.step.adopt
---@return dixis.Step
function dixis.step.adopt(given) end

---@class dixis.step.backup: dixis.StepFields
---@field folder? dixis.Text        where to write it
---@field format? dixis.Text        "custom" (one file) or "directory" (a folder)
---@field jobs? integer|dixis.Ref   how many connections dump (directory format) and restore at once
---@field bin? dixis.Text           folder of pg_dump and pg_restore
---@field space? integer|dixis.Ref  how much room the folder must have, in percent of the database
---@field scratch? string           a variable with the URL of a server for the proof
---@field proof_folder? dixis.Text  where the throw-away server of the proof keeps its data
---@field unproven? dixis.Text      the phrase that lets a backup through that could not be restored

--- The backup of gate.backup, taken between other steps.
---@param given? dixis.step.backup
---@return dixis.Step
function dixis.step.backup(given) end

---@class dixis.step.command: dixis.StepFields
---@field argv? dixis.Text[]    program and arguments; may also be given as the list itself
---@field env? string[]         variables that the program is given, beside PATH and HOME
---@field cwd? dixis.Text       its working directory
---@field [integer] dixis.Text

--- Runs a program, without a shell.
---@param given dixis.step.command
---@return dixis.Step
function dixis.step.command(given) end

---@class dixis.step.custom: dixis.StepFields
---@field name string
---@field run fun(run: dixis.run): any  returns the summary

--- Plain sequential Lua.
---@param given dixis.step.custom
---@return dixis.Step
function dixis.step.custom(given) end

---@class dixis.step.deploy: dixis.StepFields
---@field lock_timeout? dixis.Duration  how long a statement may wait for a lock
---@field concurrent_timeout? dixis.Duration  the same for CONCURRENTLY, which holds nobody up
---@field lock_attempts? integer|dixis.Ref  how often to try when a lock is not to be had
---@field max_blocking? dixis.Duration  how long others may be held up before a statement of ours is cancelled
---@field observe? boolean              record locks, rewrites and growth, statement by statement
---@field silence? dixis.Duration  how long the network may swallow answers before the connection is given up

--- Applies the pending migrations, each with its record in the ledger.
---@param given? dixis.step.deploy
---@return dixis.Step
function dixis.step.deploy(given) end

--- One list of faults of all that the steps before found, with their causes.
---@param given? dixis.StepFields
---@return dixis.Step
function dixis.step.diagnose(given) end

---@class dixis.step.examine: dixis.StepFields
---@field roles? dixis.Flag  make the roles that migrations name, on a throw-away server

--- Applies what is pending, and goes on after a failure; only where gate.scratch made the target.
---@param given? dixis.step.examine
---@return dixis.Step
function dixis.step.examine(given) end

--- prisma generate, by the project's own package manager.
---@param given? dixis.StepFields
---@return dixis.Step
function dixis.step.generate(given) end

---@class dixis.step.http: dixis.StepFields
---@field url dixis.Text
---@field method? string
---@field body? string
---@field headers? table<string, string>
---@field status? integer       expected status; any 2xx when absent
---@field timeout? dixis.Duration

--- One request that must be answered with the expected status.
---@param given dixis.Text|dixis.step.http
---@return dixis.Step
function dixis.step.http(given) end

--- Puts on record where we are.
---@param given? dixis.StepFields
---@return dixis.Step
function dixis.step.identity(given) end

---@class dixis.step.lint: dixis.StepFields
---@field config? dixis.Text  the project's exceptions

--- What can be said of the migrations without running them.
---@param given? dixis.step.lint
---@return dixis.Step
function dixis.step.lint(given) end

---@class dixis.step.maintenance_off: dixis.StepFields
---@field command? dixis.Text[]    a program and its arguments; this, url or sql
---@field env? string[]            variables that the program is given, beside PATH and HOME
---@field url? dixis.Text          an address that is called
---@field method? string
---@field headers? table<string, string>
---@field secret_headers? table<string, string>  header -> the variable that holds its value
---@field body? string
---@field status? integer          expected status; any 2xx when absent
---@field timeout? dixis.Duration
---@field sql? string              one statement on the target
---@field verify? { url?: dixis.Text, status?: integer, sql?: string, equals?: any, within?: dixis.Duration }
---@field by_hand? string          what a person does when it fails

--- Takes the maintenance page down, also after a failure or an interruption.
---@param given dixis.step.maintenance_off
---@return dixis.Step
function dixis.step.maintenance_off(given) end

---@class dixis.step.maintenance_on: dixis.StepFields
---@field command? dixis.Text[]    a program and its arguments; this, url or sql
---@field env? string[]            variables that the program is given, beside PATH and HOME
---@field url? dixis.Text          an address that is called
---@field method? string
---@field headers? table<string, string>
---@field secret_headers? table<string, string>  header -> the variable that holds its value
---@field body? string
---@field status? integer          expected status; any 2xx when absent
---@field timeout? dixis.Duration
---@field sql? string              one statement on the target
---@field verify? { url?: dixis.Text, status?: integer, sql?: string, equals?: any, within?: dixis.Duration }
---@field by_hand? string          what a person does when it fails

--- Puts the maintenance page up.
---@param given dixis.step.maintenance_on
---@return dixis.Step
function dixis.step.maintenance_on(given) end

---@class dixis.step.notice: dixis.StepFields
---@field moment? "before"|"started"|"waiting"|"running"|"succeeded"|"failed"
---@field window? dixis.Text    when it is planned, in words
---@field expected? dixis.Text  how long it is expected to take, in words
---@field about? dixis.Text     one more line
---@field must? dixis.Flag      fail unless all were sent, and one at least

--- Tells people now.
---@param given? string|dixis.step.notice
---@return dixis.Step
function dixis.step.notice(given) end

---@class dixis.step.resolve: dixis.StepFields
---@field migration dixis.Text  name of the migration
---@field as dixis.Text         "rolled_back" or "applied"

--- Records a migration as rolled back, or as applied; nothing of it is run.
---@param given dixis.step.resolve
---@return dixis.Step
function dixis.step.resolve(given) end

--- The backup of gate.restorable into a new database beside the target, compared with its record.
---@param given? dixis.StepFields
---@return dixis.Step
function dixis.step.restore(given) end

---@class dixis.step.sql: dixis.StepFields
---@field statement string      one SQL statement
---@field params? any[]         $1, $2, ...

--- One statement on the target.
---@param given string|dixis.step.sql
---@return dixis.Step
function dixis.step.sql(given) end

--- Marks the database with the runbook's environment.
---@param given? dixis.StepFields
---@return dixis.Step
function dixis.step.stamp(given) end

--- Compares ledger and folder again.
---@param given? dixis.StepFields
---@return dixis.Step
function dixis.step.status(given) end

---@class dixis.step.validate: dixis.StepFields
---@field strict? boolean  whether every difference is red, not only what Prisma's client fails on; default false

--- The restored database takes the target's name, and the target another one.
---@param given? dixis.StepFields
---@return dixis.Step
function dixis.step.swap(given) end

--- Checks the Prisma schema, and the target against it.
---@param given? dixis.step.validate
---@return dixis.Step
function dixis.step.validate(given) end
