---@meta host.tty
-- The terminal. Source: host/prim_tty.c
local tty = {}

--- Writes all of it, and never waits: what a stopped terminal or a full pipe does not take now is kept
--- (up to 16 MiB) and written later, in order, at the latest before the process ends. A closed pipe is
--- not an error for the caller (the run goes on): returns false.
---@param stream "stdout"|"stderr"
---@param text string
---@return boolean written
function tty.write(stream, text) end

---@param stream "stdin"|"stdout"|"stderr"
---@return boolean
function tty.is_terminal(stream) end

--- Columns of the terminal behind stdout or stderr; 80 when there is none.
---@return integer
function tty.width() end

--- True when control codes for colour may be sent to the stream: a terminal, TERM not "dumb" or
--- empty, NO_COLOR unset or empty.
---@param stream "stdout"|"stderr"
---@return boolean
function tty.color(stream) end

--- Asks on /dev/tty, whatever stdin is: flushes typed-ahead input, writes the prompt, reads one
--- line. The answer is given byte for byte without its newline.
---@async
---@param prompt string
---@param timeout? number  seconds
---@return string? line
---@return dixis.Error? err  kinds: "no_terminal" (no controlling terminal, or we are in the
---   background), "end_of_input" (Ctrl-D), "too_long" (4095 bytes or
---   more: the terminal may have cut it), "deadline"
function tty.ask(prompt, timeout) end

--- Waits until stdin is at its end or was closed by the other side; discards what comes.
---@async
function tty.wait_stdin_end() end

return tty
