---@meta
-- The gates of runbooks. What they mean: docs/runbooks.md. Source: lib/dixis/gate/

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
