---@meta
-- The vocabulary of runbooks, for editors that know the Lua language server. What the words mean:
-- docs/runbooks.md. Source: lib/dixis/vocabulary.lua, lib/dixis/capabilities.lua

--- A value that a run fills in.
---@class dixis.Ref

---@class dixis.Gate
---@class dixis.Step
---@class dixis.Check
---@class dixis.Notice

---@alias dixis.Duration number|string|dixis.Ref  seconds, or "90s", "5m", "1h30m", "7d"
---@alias dixis.Text string|dixis.Ref
---@alias dixis.Flag boolean|dixis.Ref

---@class dixis
---@field gate dixis.gate
---@field step dixis.step
---@field check dixis.check
---@field notice dixis.notice
dixis = {}

---@class dixis.gate
dixis.gate = {}
---@class dixis.step
dixis.step = {}
---@class dixis.check
dixis.check = {}
---@class dixis.notice
dixis.notice = {}

--- The value of an option of the runbook.
---@param name string
---@return dixis.Ref
function dixis.option(name) end

--- A fact of the target.
---@param name "database"|"host"|"port"|"user"|"schema"|"environment"
---@return dixis.Ref
function dixis.target(name) end

---@class dixis.TargetFields
---@field env? string         the variable that holds the target's URL; none when gate.scratch makes the target
---@field environment string  "staging", "production", ...
---@field maintenance? dixis.Text  work from this database beside the target, which need not be there

---@class dixis.SignFields
---@field env string          the variable that holds the private key
---@field required? boolean   true: refuse to run without it

---@class dixis.OptionFields
---@field type "string"|"boolean"|"integer"|"duration"|"path"|"url"|"choice"
---@field default? any
---@field choices? string[]
---@field required? boolean   there is no run without a value
---@field help string         one line for `plan`

---@class dixis.Person
---@field name string
---@field role? string
---@field phone? string
---@field email? string
---@field chat? string

---@class dixis.PeopleFields
---@field decision_maker dixis.Person
---@field contacts dixis.Person[]

---@class dixis.UsesFields
---@field env? string[]                variables
---@field exec? string[]               programs
---@field net? (string|dixis.Ref)[]    hosts, or addresses
---@field read? (string|dixis.Ref)[]   files and folders
---@field write? (string|dixis.Ref)[]  folders

---@class dixis.Guard
---@field every? dixis.Duration        how often the target is looked at
---@field abort? { blocked_sessions?: integer|dixis.Ref, blocked_for?: dixis.Duration, connections?: number|dixis.Ref, replication_lag?: dixis.Text }

---@class dixis.RunbookFields
---@field name string                 short name, as in "staging"
---@field version string              as in "1.0.0"
---@field title string                one line for people
---@field target dixis.TargetFields
---@field options? table<string, dixis.OptionFields>
---@field uses? dixis.UsesFields
---@field gates dixis.Gate[]
---@field steps dixis.Step[]
---@field criteria dixis.Check[]
---@field notices? dixis.Notice[]     whom to tell how it goes
---@field people? dixis.PeopleFields
---@field way_back? string[]          lines that are printed when the run goes red
---@field guard? dixis.Guard          watch the target while steps run
---@field watch? { after: dixis.Duration, every?: dixis.Duration }  go on judging the criteria
---@field sign? dixis.SignFields       the key that receipts are signed with
---@field audit? boolean|dixis.Ref     put runs on record in the target too
---@field explain? boolean            allow `dixis plan --explain`

---@class dixis.Insertion
---@field before? string              name of an item
---@field after? string
---@field [integer] dixis.Gate|dixis.Step|dixis.Check

---@class dixis.ExtendFields
---@field name string                 the new runbook's own name
---@field version? string
---@field title? string
---@field target? { env?: string, environment?: string }
---@field options? table<string, dixis.OptionFields>  to add, or to describe anew
---@field set? table<string, any>     new defaults of options
---@field uses? dixis.UsesFields      added to what the parent uses
---@field replace? table<string, dixis.Gate|dixis.Step|dixis.Check>
---@field remove? string[]            names of items
---@field insert? dixis.Insertion[]
---@field gates? dixis.Gate[]         instead of the parent's; so the next ones
---@field steps? dixis.Step[]
---@field criteria? dixis.Check[]
---@field notices? dixis.Notice[]
---@field people? dixis.PeopleFields
---@field way_back? string[]
---@field guard? dixis.Guard
---@field watch? { after: dixis.Duration, every?: dixis.Duration }
---@field sign? dixis.SignFields
---@field audit? boolean|dixis.Ref
---@field explain? boolean

---@class dixis.RunbookValue

---@param fields dixis.RunbookFields
---@return dixis.RunbookValue
function dixis.runbook(fields) end

--- A new runbook made of another: "prod.lua" is the file beside this one, "prod" the built-in one.
---@param parent string
---@param changes dixis.ExtendFields
---@return dixis.RunbookValue
function dixis.extend(parent, changes) end

--- What every gate, step and check may be given.
---@class dixis.ItemFields
---@field name? string                what it is called in the record
---@field when? any                   run only when this is true
---@field deadline? dixis.Duration    fail when it takes longer

---@class dixis.StepFields: dixis.ItemFields
---@field always? boolean             run it also after a failure or an interruption

-- Gates

---@class dixis.gate.adoptable: dixis.ItemFields
---@field upto dixis.Text              the last migration whose effects are in the target
---@field against_evidence? dixis.Flag  true: also when effects are missing; it is recorded

--- The target has no record of migrations, and the effects of the first ones are all there.
---@param given dixis.gate.adoptable
---@return dixis.Gate
function dixis.gate.adoptable(given) end

---@class dixis.gate.backup: dixis.ItemFields
---@field folder? dixis.Text        where to write it
---@field format? dixis.Text        "custom" (one file) or "directory" (a folder)
---@field jobs? integer|dixis.Ref   how many connections dump (directory format) and restore at once
---@field bin? dixis.Text           folder of pg_dump and pg_restore
---@field space? integer|dixis.Ref  how much room the folder must have, in percent of the database
---@field scratch? string           a variable with the URL of a server for the proof
---@field proof_folder? dixis.Text  where the throw-away server of the proof keeps its data
---@field unproven? dixis.Text      the phrase that lets a backup through that could not be restored

--- The target is backed up, and the backup is proven by restoring it.
---@param given? dixis.gate.backup
---@return dixis.Gate
function dixis.gate.backup(given) end

---@class dixis.gate.backup_tool: dixis.ItemFields
---@field folder? dixis.Text  where the backup will be written
---@field bin? dixis.Text     folder of pg_dump and pg_restore

--- pg_dump and pg_restore are there and new enough, and the backup folder can be written.
---@param given? dixis.gate.backup_tool
---@return dixis.Gate
function dixis.gate.backup_tool(given) end

---@class dixis.gate.clinic_green: dixis.ItemFields
---@field receipt? dixis.Text   a receipt file, or a folder of them; by default the journal folder
---@field public_key? dixis.Text  only receipts that this key has signed
---@field within? dixis.Duration  how old it may be; "7d"

--- The same migrations were green in the clinic before.
---@param given? dixis.gate.clinic_green
---@return dixis.Gate
function dixis.gate.clinic_green(given) end

---@class dixis.gate.confirm: dixis.ItemFields
---@field phrase dixis.Text   what must be typed
---@field about? string       one line that says what is confirmed

--- A person, or --confirm, gives the exact phrase.
---@param given dixis.Text|dixis.gate.confirm
---@return dixis.Gate
function dixis.gate.confirm(given) end

---@class dixis.gate.custom: dixis.ItemFields
---@field name string
---@field open fun(run: dixis.run): boolean, string?  whether it opens, and a note or the reason

--- A condition of your own.
---@param given dixis.gate.custom
---@return dixis.Gate
function dixis.gate.custom(given) end

---@class dixis.gate.environment: dixis.ItemFields
---@field not_same_as? string  a variable whose URL must name another database

--- The target is not another environment's database.
---@param given? dixis.gate.environment
---@return dixis.Gate
function dixis.gate.environment(given) end

---@class dixis.gate.external_backup: dixis.ItemFields
---@field path dixis.Text            the backup; with a slash at its end: the newest in that folder
---@field sha256? dixis.Text         its SHA-256; by default what PATH.sha256 says
---@field within? dixis.Duration     how old it may be
---@field proof? dixis.Text[]        a program that restores it elsewhere; it is given the path
---@field env? string[]              variables that the program is given, beside PATH and HOME
---@field recovery? dixis.Duration   how long going back to it takes
---@field unproven? dixis.Text       the phrase that lets a backup through that has no proof

--- A backup that another tool made is fresh, whole and proven.
---@param given dixis.gate.external_backup
---@return dixis.Gate
function dixis.gate.external_backup(given) end

---@class dixis.gate.git: dixis.ItemFields
---@field clean? dixis.Flag    true: refuse uncommitted changes

--- In a git work tree; the record names the commit.
---@param given? dixis.gate.git
---@return dixis.Gate
function dixis.gate.git(given) end

---@class dixis.gate.history: dixis.ItemFields
---@field allow? dixis.Text    words of what is let through: "edited, out_of_order"

--- The target's history agrees with the migrations folder.
---@param given? dixis.Text|dixis.gate.history
---@return dixis.Gate
function dixis.gate.history(given) end

---@class dixis.gate.lock: dixis.ItemFields
---@field wait? dixis.Duration  how long to wait for another run

--- No other migration run is going on in the target.
---@param given? dixis.Text|dixis.gate.lock
---@return dixis.Gate
function dixis.gate.lock(given) end

--- The runbook names people, and nothing of it is left to fill in.
---@param given? dixis.ItemFields
---@return dixis.Gate
function dixis.gate.people(given) end

---@class dixis.gate.reachable: dixis.ItemFields
---@field wait? dixis.Duration  how long to wait for it

--- The target answers; a sleeping one is waited for.
---@param given? dixis.Text|dixis.gate.reachable
---@return dixis.Gate
function dixis.gate.reachable(given) end

---@class dixis.gate.resolvable: dixis.ItemFields
---@field migration dixis.Text         name of the migration
---@field as dixis.Text                "rolled_back" or "applied"
---@field against_evidence? dixis.Flag  true: also when the database shows otherwise; it is recorded

--- What is to be recorded of a migration agrees with what the database shows of it.
---@param given dixis.gate.resolvable
---@return dixis.Gate
function dixis.gate.resolvable(given) end

---@class dixis.gate.restorable: dixis.ItemFields
---@field backup? dixis.Text          the backup; the newest of the target that a journal knows when absent
---@field record? dixis.Text          the journal of the run that made it, or a folder of journals
---@field sha256? dixis.Text          its SHA-256, for a backup that no journal knows
---@field unproven? dixis.Text        the phrase that lets a backup through that was never restored
---@field keep_as? dixis.Text         name that the database of now is kept under
---@field jobs? integer|dixis.Ref     how many connections restore at once
---@field bin? dixis.Text             folder of pg_dump and pg_restore
---@field count_within? dixis.Duration  how long to count rows to show what would be lost

--- The target can be brought back to a backup that was proven.
---@param given? dixis.gate.restorable
---@return dixis.Gate
function dixis.gate.restorable(given) end

---@class dixis.gate.restored: dixis.ItemFields
---@field of string               the variable with the URL of the real database
---@field backup? dixis.Text      the backup; its newest proven one that a journal knows when absent
---@field record? dixis.Text      the journal of the run that made it, or a folder of journals
---@field copy? dixis.Flag        true: no backup, a copy of the real database made now
---@field jobs? integer|dixis.Ref  how many connections restore at once
---@field bin? dixis.Text         folder of the programs of PostgreSQL
---@field folder? dixis.Text      where the throw-away server keeps its data

--- The run's own throw-away server, with the data of a real database.
---@param given dixis.gate.restored
---@return dixis.Gate
function dixis.gate.restored(given) end

---@class dixis.gate.role: dixis.ItemFields
---@field superuser? dixis.Flag  false: refuse a superuser

--- The role may create objects and write the ledger.
---@param given? dixis.gate.role
---@return dixis.Gate
function dixis.gate.role(given) end

---@class dixis.gate.scratch: dixis.ItemFields
---@field on? dixis.Text           a variable with the URL of a server to make a scratch database on
---@field schema_from? dixis.Text  a variable with the URL of a database whose schema is copied

--- Makes the run's target: a throw-away PostgreSQL, or a scratch database that is dropped at the end.
---@param given? dixis.gate.scratch
---@return dixis.Gate
function dixis.gate.scratch(given) end

---@class dixis.gate.secret: dixis.ItemFields
---@field env? string           a variable; the target's own when absent

--- A variable is set; the target's own must be a well-formed URL.
---@param given? string|dixis.gate.secret
---@return dixis.Gate
function dixis.gate.secret(given) end

---@class dixis.gate.snapshot: dixis.ItemFields
---@field command? dixis.Text[]      program and arguments that tell of the snapshot
---@field url? dixis.Text            instead: an address that tells of it
---@field env? string[]              variables that the program is given, beside PATH and HOME
---@field headers? table<string, string>
---@field token? string              a variable whose value is sent as the bearer token
---@field json? table<string, any>   path -> value: what the answer must say
---@field matches? string            instead: a Lua pattern that the answer must match
---@field made string                where the answer says when it was made: a path, or a pattern with one capture
---@field within? dixis.Duration     how old it may be
---@field recovery? dixis.Duration   how long going back to it takes

--- The provider has a fresh snapshot of the target's server.
---@param given dixis.gate.snapshot
---@return dixis.Gate
function dixis.gate.snapshot(given) end

---@class dixis.gate.staging_green: dixis.ItemFields
---@field receipt? dixis.Text        a receipt file, or a folder of them; by default the journal folder, and from_env
---@field from_env? string           variable of that environment's URL: its database is asked for receipts
---@field public_key? dixis.Text     only receipts that this key has signed
---@field within? dixis.Duration     how old it may be
---@field environment? string

--- The same migrations succeeded in another environment before.
---@param given? dixis.gate.staging_green
---@return dixis.Gate
function dixis.gate.staging_green(given) end

---@class dixis.gate.window: dixis.ItemFields
---@field opens dixis.Text         "2026-11-22 02:00", or "02:00" for every day
---@field closes dixis.Text        the same
---@field tz dixis.Text            "Europe/Athens"
---@field weekdays? string[]       days on which it opens: { "sat", "sun" }
---@field recovery? dixis.Duration  how long the way back takes, when no proof of a backup says so
---@field allow? dixis.Text        "unknown_forecast, unknown_recovery": what need not be known
---@field stop? dixis.Flag         false: go on between migrations past the point of no return

--- Now is inside of the agreed window, and the forecast with the way back after it fits into it.
---@param given dixis.gate.window
---@return dixis.Gate
function dixis.gate.window(given) end

-- Steps

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

-- Checks

---@class dixis.notice.command: dixis.ItemFields
---@field argv? dixis.Text[]    program and arguments; may also be given as the list itself
---@field env? string[]         variables that the program is given, beside PATH and HOME
---@field cwd? dixis.Text       its working directory
---@field [integer] dixis.Text
---@field language? dixis.Text  "en" or "el"
---@field moments? ("before"|"started"|"waiting"|"running"|"succeeded"|"failed")[]
---@field every? dixis.Duration  how often to say that it still goes on

--- A program is given the text on its stdin.
---@param given dixis.notice.command
---@return dixis.Notice
function dixis.notice.command(given) end

---@class dixis.notice.mail: dixis.ItemFields
---@field env string            the variable that holds smtp://user:password@host:587 or smtps://...
---@field from dixis.Text       the sender's address
---@field to dixis.Text|string[]
---@field ca? string            file of the certificates that vouch for the server
---@field language? dixis.Text  "en" or "el"
---@field moments? ("before"|"started"|"waiting"|"running"|"succeeded"|"failed")[]
---@field every? dixis.Duration  how often to say that it still goes on

--- A mail by SMTP.
---@param given dixis.notice.mail
---@return dixis.Notice
function dixis.notice.mail(given) end

---@class dixis.notice.webhook: dixis.ItemFields
---@field env string            the variable that holds the address
---@field language? dixis.Text  "en" or "el"
---@field moments? ("before"|"started"|"waiting"|"running"|"succeeded"|"failed")[]
---@field every? dixis.Duration  how often to say that it still goes on

--- JSON with a text, to an address.
---@param given string|dixis.notice.webhook
---@return dixis.Notice
function dixis.notice.webhook(given) end

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

-- What code in a runbook is given

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
