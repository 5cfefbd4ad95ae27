-- gate.git: the run happens in a git work tree, so that the record names the commit.

local errors = require "dixis.errors"
local process = require "host.process"
local words = require "dixis.words"

local function git(...)
  local result, err = process.run({ "git", ... },
    { timeout = 20, env = { PATH = process.getenv "PATH", HOME = process.getenv "HOME", GIT_OPTIONAL_LOCKS = "0" } })
  if not result then
    if err.kind == "not_found" then errors.refuse("git is not installed", "apt-get install git") end
    error(err, 0)
  end
  return result.code == 0 and result.stdout:gsub("%s+$", "") or nil, result.stderr
end

return {
  type = "git",
  fields = { clean = { type = "any", help = "true: refuse uncommitted changes" } },
  uses = function() return { exec = { "git" } } end,
  describe = function(args) return "in a git work tree" .. (args.clean == true and " without uncommitted changes" or "") end,
  act = function(run, args)
    local inside, complaint = git("rev-parse", "--is-inside-work-tree")
    if inside ~= "true" then
      local owner = complaint:find("dubious ownership", 1, true)
      errors.refuse(owner and "git refuses the work tree: it belongs to another user" or "not in a git work tree",
        owner and "git config --global --add safe.directory \"$PWD\""
          or "run from a checkout of the project: the record names the commit that was deployed")
    end
    local commit = git("rev-parse", "HEAD")
    if not commit then errors.refuse("the git repository has no commit yet", "commit the migrations first") end
    local branch = git("symbolic-ref", "--short", "-q", "HEAD") or "detached"
    local dirty = git("status", "--porcelain", "--untracked-files=normal")
    local changes = 0
    for _ in (dirty or ""):gmatch "[^\n]+" do changes = changes + 1 end
    run.git = { commit = commit, branch = branch, dirty = changes > 0 }
    run.bus:emit("git.identified", { commit = commit, branch = branch, uncommitted = changes })
    if changes > 0 and args.clean then
      errors.refuse(words.count(changes, "uncommitted change") .. " in the work tree", "commit or stash them (git status)")
    end
    return ("%s at %s%s"):format(branch, commit:sub(1, 10),
      changes > 0 and ", " .. words.count(changes, "uncommitted change") or "")
  end,
}
