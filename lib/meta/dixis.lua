---@meta
-- The vocabulary of runbooks, for editors that know the Lua language server. What the words mean:
-- docs/runbooks.md. The words of a kind are in dixis_gate.lua and so on. Source: lib/dixis/vocabulary.lua

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
